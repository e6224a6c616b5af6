"""A checkpoint is complete and as it was written, or it is refused.

With many more flipped bits than in a run of the tests:

    python tests/attack/test_checkpoints.py --flips 1000 --seed 1
"""

import argparse
import errno
import hashlib
import os
import pickle
import stat
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
from checkpoints import AtEpoch, X, Y, assert_as_before, classifier, resume, trains
from sklearn.exceptions import ConvergenceWarning

from sklearn_set.callbacks import Checkpoint, _checkpoint, load_checkpoint

pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Flipped bits in a run of the tests; the command line takes another number.
N_FLIPS = 60

N_HEADER = _checkpoint._HEADER.size

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
