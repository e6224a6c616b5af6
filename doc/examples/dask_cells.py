"""Cell types from counts that many machines hold.

Counts of genes in single cells are generated on the workers of a Dask cluster, normalised and
turned into logarithms there, and stay there as CSR matrices.  One network is trained on all: copies
of it, the replicas, learn side by side, each from its own partitions, and are averaged.  In your
own program `measure` would read a part of a file.

Without options a cluster of two worker processes is started on this machine.  With the address of
a scheduler the cluster there is used; sklearn_set must be installed on its workers.

    python dask_cells.py
    python dask_cells.py --cells 1000000 --genes 20000 --partitions 64 --replicas 16 \
        --scheduler tcp://192.168.0.1:8786
"""

import argparse
import contextlib

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
from scipy import sparse

from sklearn_set.dask import DaskSETClassifier

TYPES = ["B cell", "dendritic cell", "monocyte", "NK cell", "T cell"]


def main():
    arguments = read_arguments()
    with connect(arguments.scheduler):
        # A partition is a block of samples that one worker holds.  None is made yet.
        n_cells = arguments.cells // arguments.partitions
        cells = [measure(seed, n_cells, arguments.genes) for seed in range(arguments.partitions)]
        X = da.concatenate([as_array(counts, n_cells, arguments.genes) for counts, _ in cells])
        y = da.concatenate([da.from_delayed(types, (n_cells,), dtype=object) for _, types in cells])
        X_test, y_test = dask.compute(*measure(arguments.partitions, 2000, arguments.genes))
        model = DaskSETClassifier(
            (200,), max_iter=arguments.epochs, n_replicas=arguments.replicas, random_state=0
        )
        # All epochs are wanted, even if the loss would still improve after them.
        model.set_params(n_iter_no_change=np.inf).fit(X, y)
        print(f"{n_cells * arguments.partitions:,} cells of {len(model.classes_)} types")
        print(f"loss of the epochs: {', '.join(f'{loss:.3f}' for loss in model.loss_curve_)}")
        certainty = model.predict_proba(X).max(axis=1).mean()  # lazy: nothing is computed yet
        print(f"mean certainty of a prediction: {certainty.compute():.3f}")
    local = model.to_local()  # an ordinary SETClassifier, which needs no cluster and no Dask
    print(f"accuracy on cells of another sample: {local.score(X_test, y_test):.3f}")


@dask.delayed(nout=2, pure=True)
def measure(seed, n_cells, n_genes):
    """Logarithms of normalised counts of some cells, and their types.

    Each type reads a twentieth of the genes ten times as often as the others do.
    """
    rng = np.random.default_rng([0, seed])
    atlas = np.random.default_rng(0)
    rates = atlas.gamma(0.2, 1.0, size=n_genes) * np.where(
        atlas.random((len(TYPES), n_genes)) < 0.05, 10, 1
    )
    types = rng.integers(len(TYPES), size=n_cells)
    depth = rng.lognormal(np.log(n_genes / 20), 0.3, size=n_cells)
    rows = [
        sparse.csr_array(rng.poisson(total * rates[kind] / rates[kind].sum())[np.newaxis])
        for total, kind in zip(depth, types, strict=True)
    ]
    counts = sparse.vstack(rows, format="csr").astype(np.float32)
    # So much of 10,000 molecules, as is usual; zero stays zero.
    per_cell = np.repeat(10_000 / counts.sum(axis=1), np.diff(counts.indptr))
    counts.data = np.log1p(counts.data * per_cell).astype(np.float32)
    return counts, np.array(TYPES, dtype=object)[types]


def as_array(counts, n_cells, n_genes):
    """A Dask array of one block, a CSR matrix."""
    meta = sparse.csr_array((0, n_genes), dtype=np.float32)
    return da.from_delayed(counts, (n_cells, n_genes), meta=meta)


@contextlib.contextmanager
def connect(scheduler):
    """A client of the cluster that was asked for."""
    if scheduler:
        with Client(scheduler) as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--scheduler", help="address of a running scheduler")
    return parser.parse_args()


if __name__ == "__main__":
    main()
