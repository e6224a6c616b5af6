"""A checkpoint is complete and as it was written, or it is refused: damage, full disks, kills.

With many more flipped bits than in a run of the tests:

    python tests/attack/test_checkpoints.py --flips 1000 --seed 1
"""

import argparse
import errno
import hashlib
import os
import pickle
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
import tracemalloc
import warnings
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from sklearn_set import SETClassifier
from sklearn_set.callbacks import Checkpoint, _checkpoint, load_checkpoint

pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Flipped bits in a run of the tests; the command line takes another number.
N_FLIPS = 60

N_HEADER = _checkpoint._HEADER.size
X, Y = make_classification(60, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)


def classifier(**parameters):
    small = {"hidden_layer_sizes": 6, "epsilon": 2, "max_iter": 3, "random_state": 0}
    return SETClassifier(**small | parameters)


class AtEpoch:
    """Calls a function at the beginning of an epoch."""

    def __init__(self, at, action):
        self.at, self.action = at, action

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.at:
            self.action()

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


def trains():
    raise AssertionError("It trains.")


def resume(path):
    """Fit a model with a checkpoint; it must not have changed if that fails."""
    model = classifier().set_callbacks(Checkpoint(path))
    before = dict(vars(model))
    try:
        model.fit(X, Y)
    except Exception:
        assert vars(model) == before
        raise


WAYS = {"load_checkpoint": load_checkpoint, "fit": resume}


def outcome(use, path):
    """What becomes of a file: "refused", as it should be, or something else."""
    try:
        use(path)
    except ValueError as error:
        told = str(error)
        is_clear = repr(str(path)) in told and "Remove it" in told and "resume=False" in told
        return "refused" if is_clear else f"unclear: {told}"
    except Exception as error:
        return type(error).__name__
    return "accepted"


def flipped(content, bit):
    """The content with one bit that is another."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def outcomes_of_flips(n_flips, seed, folder):
    """Outcome -> how often, for single bits flipped at random in a complete file."""
    path = Path(folder) / "fit.checkpoint"
    resume(path)
    content = path.read_bytes()
    bits = np.random.default_rng(seed).integers(8 * len(content), size=n_flips)
    found = Counter()
    for bit in bits.tolist():
        path.write_bytes(flipped(content, bit))
        found.update(f"{way}: {outcome(use, path)}" for way, use in WAYS.items())
    return found


@pytest.fixture
def path(tmp_path):
    """The file of a complete fit, alone in its folder."""
    path = tmp_path / "fit.checkpoint"
    resume(path)
    return path


def assert_as_before(path, content):
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]
    assert load_checkpoint(path).n_iter_ >= 1


# --------------------------------------------------------------------------------------- damage


def test_a_flipped_bit_is_refused(tmp_path):
    assert outcomes_of_flips(N_FLIPS, 0, tmp_path) == {
        "load_checkpoint: refused": N_FLIPS,
        "fit: refused": N_FLIPS,
    }


def test_a_flipped_bit_of_the_header_is_refused(path):
    content = path.read_bytes()
    for bit in range(8 * N_HEADER):
        path.write_bytes(flipped(content, bit))
        assert outcome(load_checkpoint, path) == "refused", bit


@pytest.mark.parametrize("way", WAYS)
def test_another_length_is_refused(path, way):
    content = path.read_bytes()
    lengths = [0, 1, 7, 8, 20, N_HEADER - 1, N_HEADER, N_HEADER + 1, len(content) // 2]
    lengths += [len(content) - 4096, len(content) - 1]
    for length in lengths:
        path.write_bytes(content[:length])
        assert outcome(WAYS[way], path) == "refused", length
    for more in (b"\0", content):
        path.write_bytes(content + more)
        assert outcome(WAYS[way], path) == "refused", len(more)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("which", ["text", "zeros", "list", "before the digest", "zlib", "version"])
def test_a_file_of_something_else_is_refused(path, way, which):
    saved = _checkpoint._load(path)
    content = path.read_bytes()
    if which == "text":
        path.write_text("Dear diary, today I have trained a network.\n" * 9)
    elif which == "zeros":
        path.write_bytes(bytes(len(content)))
    elif which == "list":
        joblib.dump([1, 2], path)
    elif which == "before the digest":
        joblib.dump(saved, path)
    elif which == "zlib":
        joblib.dump(saved, path, compress=3)
    else:
        magic, form, *rest = _checkpoint._HEADER.unpack(content[:N_HEADER])
        header = _checkpoint._HEADER.pack(magic, form + 1, *rest)
        path.write_bytes(header + content[N_HEADER:])
    before = path.read_bytes()
    assert outcome(WAYS[way], path) == "refused"
    assert path.read_bytes() == before
    model = classifier().set_callbacks(Checkpoint(path, resume=False)).fit(X, Y)
    np.testing.assert_array_equal(load_checkpoint(path).predict(X), model.predict(X))


class Alarm:
    """Says when it is unpickled."""

    rung = 0

    def __reduce__(self):
        return Alarm.ring, ()

    @staticmethod
    def ring():
        Alarm.rung += 1


def test_nothing_is_unpickled_before_the_digest_is_right(path, monkeypatch):
    monkeypatch.setattr(Alarm, "rung", 0)
    content = pickle.dumps(Alarm())
    digest = hashlib.sha256(content).digest()

    def write(digest):
        header = _checkpoint._HEADER.pack(
            _checkpoint._MAGIC, _checkpoint._FORM, len(content), digest
        )
        path.write_bytes(header + content)

    write(digest[::-1])
    assert outcome(load_checkpoint, path) == "refused"
    assert Alarm.rung == 0
    write(digest)
    with pytest.raises(TypeError):
        load_checkpoint(path)
    assert Alarm.rung == 1  # so the alarm works


@pytest.mark.parametrize("use", [load_checkpoint, resume])
def test_a_file_that_names_what_is_gone_is_refused(tmp_path, monkeypatch, use):
    module = tmp_path / "scorer_that_goes.py"
    module.write_text("def scorer(estimator, X, y):\n    return estimator.score(X, y)\n")
    monkeypatch.syspath_prepend(tmp_path)
    from scorer_that_goes import scorer

    path = tmp_path / "fit.checkpoint"
    classifier(scoring=scorer).set_callbacks(Checkpoint(path)).fit(X, Y)
    del sys.modules["scorer_that_goes"]
    module.unlink()
    with pytest.raises(ValueError, match="holds what cannot be loaded here") as caught:
        use(path)
    assert repr(str(path)) in str(caught.value)


# ---------------------------------------------------------------------- files that are none


@pytest.mark.parametrize("error", [ValueError, IsADirectoryError])
@pytest.mark.parametrize("how", ["load", "resume", "overwrite", "partial_fit"])
def test_a_folder_is_refused(tmp_path, how, error):
    model = classifier().set_callbacks(
        Checkpoint(tmp_path, resume=how != "overwrite"), AtEpoch(0, trains)
    )
    use = {
        "load": lambda: load_checkpoint(tmp_path),
        "resume": lambda: model.fit(X, Y),
        "overwrite": lambda: model.fit(X, Y),
        "partial_fit": lambda: model.partial_fit(X, Y, classes=[0, 1, 2]),
    }[how]
    with pytest.raises(error, match=r"is a folder\. Choose another path") as caught:
        use()
    assert caught.value.filename == str(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
@pytest.mark.parametrize("overwrites", [False, True])
def test_a_pipe_is_refused_without_waiting(tmp_path, overwrites):
    path = tmp_path / "fit.checkpoint"
    os.mkfifo(path)
    model = classifier().set_callbacks(Checkpoint(path, resume=not overwrites))
    for use in (lambda: model.fit(X, Y), lambda: load_checkpoint(path)):
        with pytest.raises(ValueError, match=r"fit\.checkpoint' is not a file of Checkpoint, but"):
            use()
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_file_that_is_missing_is_said_to_be(tmp_path):
    path = tmp_path / "none"
    with pytest.raises(FileNotFoundError) as caught:
        load_checkpoint(path)
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_cannot_be_read_is_an_error_of_the_system(path, monkeypatch, way):
    content = path.read_bytes()

    def broken(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(hashlib, "file_digest", broken)
    with pytest.raises(OSError, match="The checkpoint cannot be read: Input/output") as caught:
        WAYS[way](path)
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(path))
    monkeypatch.undo()
    assert_as_before(path, content)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user whom permissions bind"
)
def test_permissions_are_respected(path):
    path.chmod(0)
    for use in WAYS.values():
        with pytest.raises(PermissionError, match="cannot be read"):
            use(path)
    path.chmod(0o600)
    path.parent.chmod(0o500)
    try:
        resume(path)  # complete, so nothing is written
        with pytest.raises(PermissionError, match="cannot be saved"):
            classifier().set_callbacks(Checkpoint(path, resume=False)).fit(X, Y)
    finally:
        path.parent.chmod(0o700)


# -------------------------------------------------------------------------------- writing


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


def main():
    """Flip bits and print what became of the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=1000, help="number of single bits flipped")
    parser.add_argument("--seed", type=int, default=0, help="of the places")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        found = outcomes_of_flips(arguments.flips, arguments.seed, folder)
    for what, count in sorted(found.items()):
        print(f"{count:>7,} {what}")
    return int(set(found) != {f"{way}: refused" for way in WAYS})


if __name__ == "__main__":
    sys.exit(main())
