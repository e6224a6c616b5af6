"""A checkpoint is saved completely, or the file before it stays: full disks, links, kills."""

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
import tracemalloc

import joblib
import numpy as np
import pytest
from checkpoints import AtEpoch, X, Y, assert_as_before, classifier, resume, trains

from sklearn_set.callbacks import Checkpoint, _checkpoint, load_checkpoint

pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def path(tmp_path):
    """The file of a complete fit, alone in its folder."""
    path = tmp_path / "fit.checkpoint"
    resume(path)
    return path


def fails_with(number):
    """A function of the system that fails."""

    def fails(*arguments, **keywords):
        raise OSError(number, os.strerror(number))

    return fails


@pytest.mark.parametrize("where", ["fsync", "replace", "dump"])
def test_a_disk_that_is_full_leaves_the_file_before(path, monkeypatch, where):
    content = path.read_bytes()
    model = classifier().fit(X, Y)
    before = dict(vars(model))
    model.set_callbacks(Checkpoint(path, resume=False))
    owner = joblib if where == "dump" else os
    monkeypatch.setattr(owner, where, fails_with(errno.ENOSPC))
    with pytest.raises(OSError, match="The checkpoint cannot be saved: No space left") as caught:
        model.fit(X, Y)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    monkeypatch.undo()
    assert vars(model.set_callbacks()) == before
    assert_as_before(path, content)


def test_a_limit_of_the_size_leaves_the_file_before(path):
    resource = pytest.importorskip("resource", reason="limits are a thing of Unix")
    content = path.read_bytes()
    assert len(content) > 4096
    model = classifier().set_callbacks(Checkpoint(path, resume=False))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="The checkpoint cannot be saved: File too") as caught:
            model.fit(X, Y)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(path)
    assert_as_before(path, content)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path, monkeypatch, is_there):
    path = tmp_path / "fit.checkpoint"
    if is_there:
        resume(path)
    opens = os.open

    def read_only(name, flags, *mode, **more):
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), name)
        return opens(name, flags, *mode, **more)

    monkeypatch.setattr(os, "open", read_only)
    model = classifier().set_callbacks(Checkpoint(path, resume=False), AtEpoch(0, trains))
    with pytest.raises(OSError, match="The checkpoint cannot be saved: Read-only") as caught:
        model.fit(X, Y)
    assert caught.value.filename == str(path)
    if is_there:
        model.set_callbacks(Checkpoint(path)).fit(X, Y)  # is complete, so nothing is written


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders cannot be synced here")
def test_the_folder_is_synced_after_the_file(tmp_path, monkeypatch):
    path, seen = tmp_path / "fit.checkpoint", []
    fsync, replace = os.fsync, os.replace

    def seen_fsync(descriptor):
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "replace", lambda *paths: seen.append("replace") or replace(*paths))
    resume(path)
    assert seen == ["file", "replace", "folder"] * (len(seen) // 3)
    assert len(seen) >= 3

    def fails_for_folders(number):
        def fails(descriptor):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))

        return fails

    monkeypatch.setattr(os, "fsync", fails_for_folders(errno.EINVAL))  # it cannot
    classifier().set_callbacks(Checkpoint(path, resume=False)).fit(X, Y)
    monkeypatch.setattr(os, "fsync", fails_for_folders(errno.EIO))  # it should, but does not
    with pytest.raises(OSError, match="cannot be saved"):
        classifier().set_callbacks(Checkpoint(path, resume=False)).fit(X, Y)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_in_the_place_of_the_new_file_is_not_followed(tmp_path, monkeypatch):
    path, victim = tmp_path / "fit.checkpoint", tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 2 * n)
    link = tmp_path / f".fit.checkpoint.{'0' * 16}.partial"
    model = classifier().set_callbacks(
        Checkpoint(path), AtEpoch(1, lambda: link.symlink_to(victim))
    )
    with pytest.raises(FileExistsError, match="cannot be saved"):
        model.fit(X, Y)
    assert victim.read_text() == "precious"
    assert link.is_symlink()
    assert load_checkpoint(path).n_iter_ == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_in_the_place_of_the_file_is_replaced(path):
    link = path.with_name("link")
    link.symlink_to(path)
    content = path.read_bytes()
    resume(link)  # reads what it leads to
    assert link.is_symlink()
    classifier(max_iter=2).set_callbacks(Checkpoint(link, resume=False)).fit(X, Y)
    assert not link.is_symlink()
    assert load_checkpoint(link).n_iter_ == 2
    assert path.read_bytes() == content


def test_what_killed_processes_have_left_is_removed(tmp_path):
    path = tmp_path / "fit.checkpoint"
    foreign = {
        ".fit.checkpoint.partial",
        ".fit.checkpoint.of_mine.partial",
        f".other.{'a' * 16}.partial",
        f".fit.checkpoint.b.{'a' * 16}.partial",
    }
    stale = {f".fit.checkpoint.{digit * 16}.partial" for digit in "0a"}
    for name in foreign | stale:
        (tmp_path / name).write_bytes(b"half a file")
    in_the_way = f".fit.checkpoint.{'c' * 16}.partial"
    (tmp_path / in_the_way).mkdir()
    resume(path)
    assert set(os.listdir(tmp_path)) == foreign | {path.name, in_the_way}


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions on Windows")
def test_permissions_are_those_of_a_file_or_kept(tmp_path):
    path = tmp_path / "fit.checkpoint"

    def mode_after_a_fit():
        classifier().set_callbacks(Checkpoint(path, resume=False)).fit(X, Y)
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(0o027)
    try:
        assert mode_after_a_fit() == 0o640
        for mode in (0o600, 0o664, 0o644):
            path.chmod(mode)
            assert mode_after_a_fit() == mode
    finally:
        os.umask(before)


@pytest.mark.slow
def test_no_second_copy_is_held(tmp_path):
    path, size = tmp_path / "large", 8 << 20
    value = {"weights": np.arange(size, dtype=np.float64)}
    tracemalloc.start()
    try:
        _checkpoint._write(path, value)
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        loaded = _checkpoint._load(path)
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(loaded["weights"], value["weights"])
    assert written < 0.5 * value["weights"].nbytes
    assert read < 1.2 * value["weights"].nbytes


SAVES = textwrap.dedent("""
    import sys
    from sklearn.datasets import make_classification
    from sklearn_set import SETClassifier
    from sklearn_set.callbacks import Checkpoint
    X, y = make_classification(20, 50, n_informative=5, n_classes=3, random_state=0)
    model = SETClassifier(
        5000, epsilon=200, max_iter=10**6, tol=0, n_iter_no_change=float("inf"), random_state=0
    )
    model.set_callbacks(Checkpoint(sys.argv[1])).fit(X, y)
""")


@pytest.mark.slow
def test_a_kill_while_it_is_saved_leaves_a_complete_file(tmp_path):
    path, n_iter = tmp_path / "fit.checkpoint", 0
    waits = np.random.default_rng(0).uniform(0.0, 0.3, 6)
    for wait in waits.tolist():
        before = path.stat().st_mtime_ns if path.exists() else None
        process = subprocess.Popen([sys.executable, "-c", SAVES, str(path)])
        deadline = time.monotonic() + 120
        while not path.exists() or path.stat().st_mtime_ns == before:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert load_checkpoint(path).n_iter_ > n_iter  # it has gone on
        n_iter = load_checkpoint(path).n_iter_
        assert len(os.listdir(tmp_path)) <= 2  # one that is left, none from before
