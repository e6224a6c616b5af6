"""Train on a file that is larger than the memory that the process may use.

The samples are in a NumPy file that is mapped into memory: the system reads the parts in use, and
frees them again.  `partial_fit` gets one part at a time.  On Linux the process limits its own
memory: loading the whole file then fails, and training does not.

    python out_of_core.py
    python out_of_core.py --samples 200000 --limit 600 --folder /large/disk
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_set import SETClassifier

try:
    import resource
except ImportError:  # Windows
    resource = None

N_INFORMATIVE = 50
MEGABYTE = 1 << 20


def main():
    arguments = read_arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "X.npy"
        y = write(path, arguments)
        print(f"{path.stat().st_size / MEGABYTE:,.0f} MB in a file")
        if resource is not None and sys.platform == "linux":
            # Memory that a process writes to counts; files mapped for reading do not.
            limit = arguments.limit * MEGABYTE
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            print(f"{arguments.limit:,} MB of memory may be used")
            try:
                np.load(path)
            except MemoryError:
                print("too little to load the file at once")
        learn(np.load(path, mmap_mode="r"), y, arguments)


def write(path, arguments):
    """Write samples of two classes, part by part; return their classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=arguments.samples)
    shape = (arguments.samples, arguments.features)
    X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for rows in parts(arguments):
        block = rng.standard_normal((rows.stop - rows.start, arguments.features), dtype=np.float32)
        block[:, :N_INFORMATIVE] += 0.5 * y[rows, np.newaxis]
        X[rows] = block
    return y


def parts(arguments):
    """Neighbouring rows of the file, a part at a time."""
    for start in range(0, arguments.samples, arguments.part):
        yield slice(start, min(start + arguments.part, arguments.samples))


def learn(X, y, arguments):
    """Train on all parts but the last, which is for the test."""
    *seen, unseen = parts(arguments)
    scaler = StandardScaler()
    for rows in seen:
        scaler.partial_fit(X[rows])
    # A connection meets all parts before an evolution judges it.
    model = SETClassifier(
        (arguments.hidden,), epsilon=5, rewire_interval=len(seen), random_state=0, n_jobs=1
    )
    for epoch in range(arguments.passes):
        start = time.perf_counter()
        for rows in seen:
            model.partial_fit(scaler.transform(X[rows]), y[rows], classes=[0, 1])
        score = model.score(scaler.transform(X[unseen]), y[unseen])
        seconds = time.perf_counter() - start
        print(f"pass {epoch + 1}: {seconds:.1f} s, accuracy on new samples {score:.3f}")


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=5000)
    parser.add_argument("--part", type=int, default=1000, help="samples in memory at a time")
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--limit", type=int, default=500, help="megabytes, on Linux")
    parser.add_argument("--folder", help="where the file is put")
    return parser.parse_args()


if __name__ == "__main__":
    main()
