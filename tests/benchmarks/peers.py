"""One class per tool that `bench_peers.py` measures: how it is built, trained and evolved.

None of them is written to be fast here: each is driven as its own examples drive it.  What
must be changed for it to run at all, or to be right, is changed at run time and told in its
`remarks`.  Packages are imported where they are used, so that one that is missing, or two that
bring an OpenMP each, harm nobody else.
"""

import importlib.util
import subprocess
import sys
import sysconfig
import tempfile
import types
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse

LEARNING_RATE = 1e-3
MOMENTUM = 0.9
ZETA = 0.3


class Tool:
    """One tool with one workload, ready to train.

    Parameters
    ----------
    workload : Workload
    X : ndarray of shape (n_samples, n_features), float32
    y : ndarray of shape (n_samples,)
        Class numbers.
    batch_size : int
    n_threads : int
    checkout : Path or None
        Where the tool's source is, for those that no package index has.

    Attributes
    ----------
    n_connections : int
        Right now: a tool that loses connections while it trains is wrong.
    """

    title = ""
    package = None  # what to import; None where a checkout is needed
    option = None  # the option of the command line that takes the checkout
    evolves = False
    fixed_batch = False  # an incomplete last batch cannot be trained
    precision = "float32"
    remarks = ()

    def __init__(self, workload, X, y, batch_size, n_threads, checkout=None):
        self.X, self.y = X, y
        self.batch_size = batch_size
        self.prepare(workload, n_threads, checkout)

    def prepare(self, workload, n_threads, checkout):
        """Build the network."""
        raise NotImplementedError

    def train(self, order):
        """One pass over the samples in this order."""
        for start in range(0, order.shape[0], self.batch_size):
            self.step(order[start : start + self.batch_size])

    def step(self, rows):
        """Train on one mini-batch."""
        raise NotImplementedError

    def evolve(self):
        """Renew the share ZETA of the connections."""
        raise NotImplementedError

    @classmethod
    def missing(cls, checkout):
        """What keeps the tool from being measured, or None."""
        if cls.package is None:
            return None if checkout else f"not measured (no --{cls.option})"
        if importlib.util.find_spec(cls.package) is None:
            return f"not measured ({cls.package} is not installed)"
        return None

    @classmethod
    def version(cls, checkout):
        """Version of the package, or commit of the checkout."""
        if cls.package is not None:
            return importlib.import_module(cls.package).__version__
        command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return f"commit {result.stdout.strip()}" if result.returncode == 0 else "unknown"

    @staticmethod
    def bytes_needed(workload):
        """Memory that the tool cannot do without, to within a factor of two."""
        connections = sum(n_connections for _, _, n_connections in workload.layers)
        return 32 * connections + 4 * workload.n_samples * workload.sizes[0]


# -------------------------------------------------------------------- installed by pip


class DenseSklearn(Tool):
    """scikit-learn's MLPClassifier; an epoch is one call of partial_fit."""

    title = "MLPClassifier (dense)"
    package = "sklearn"

    def prepare(self, workload, n_threads, checkout):
        from sklearn.neural_network import MLPClassifier

        self._n_classes = workload.sizes[-1]
        self._model = MLPClassifier(
            workload.sizes[1:-1],
            solver="sgd",
            alpha=0.0,
            batch_size=self.batch_size,
            learning_rate_init=LEARNING_RATE,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            random_state=0,
        )

    def train(self, order):
        # It shuffles by itself.
        n = order.shape[0]
        self._model.partial_fit(self.X[:n], self.y[:n], classes=np.arange(self._n_classes))

    @property
    def n_connections(self):
        return sum(coef.size for coef in self._model.coefs_)

    @staticmethod
    def bytes_needed(workload):
        # weights, gradients, velocities and the next velocities
        return 4 * 4 * n_dense(workload)


class _Torch(Tool):
    """What the tools on top of PyTorch share: autograd, SGD, the loop over the layers."""

    def prepare(self, workload, n_threads, checkout):
        import torch

        torch.set_num_threads(n_threads)
        torch.manual_seed(0)
        self._features, self._targets = torch.from_numpy(self.X), torch.from_numpy(self.y)
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(*weights.shape)
            if weights.nnz == np.prod(weights.shape)
            else self.make_layer(weights.T.tocsr())
            for weights in random_weights(workload)
        )
        self._optimizer = torch.optim.SGD(
            self.layers.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM
        )

    def make_layer(self, weights):
        """A module from weights of shape (n_out, n_in)."""
        raise NotImplementedError

    def step(self, rows):
        from torch.nn.functional import cross_entropy

        hidden = self._features[rows]
        for layer in self.layers[:-1]:
            hidden = layer(hidden).relu()
        loss = cross_entropy(self.layers[-1](hidden), self._targets[rows])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()

    @property
    def n_connections(self):
        return sum(layer.weight.numel() for layer in self.layers)


class TorchMask(_Torch):
    """Dense weights, set to zero again after every step where the mask says so."""

    title = "torch, dense with a mask"
    package = "torch"
    evolves = True

    def make_layer(self, weights):
        import torch

        layer = torch.nn.Linear(*weights.shape[::-1])
        layer.weight.data = torch.from_numpy(weights.toarray())
        layer.mask = layer.weight.data != 0
        return layer

    def step(self, rows):
        super().step(rows)
        for layer in self._masked():
            layer.weight.data *= layer.mask

    def evolve(self):
        import torch

        for layer in self._masked():
            weight, mask = layer.weight.data.view(-1), layer.mask.view(-1)
            connected = mask.nonzero().squeeze(1)
            signs = weight[connected].sign()
            for sign in (-1, 1):
                candidates = connected[signs == sign]
                n_dropped = int(ZETA * candidates.numel())
                nearest = weight[candidates].abs().topk(n_dropped, largest=False, sorted=False)
                mask[candidates[nearest.indices]] = False
            weight *= mask
            n_missing = connected.numel() - int(mask.sum())
            while n_missing:
                born = torch.randint(mask.numel(), (n_missing,)).unique()
                born = born[~mask[born]]
                mask[born] = True
                weight[born] = torch.randn(born.numel()) / 10
                n_missing -= born.numel()
            self._optimizer.state[layer.weight]["momentum_buffer"] *= layer.mask

    def _masked(self):
        return [layer for layer in self.layers if hasattr(layer, "mask")]

    @property
    def n_connections(self):
        return sum(int(layer.weight.count_nonzero()) for layer in self.layers)

    @staticmethod
    def bytes_needed(workload):
        # weights, gradients, velocities and the mask
        return 13 * n_dense(workload)


class TorchCSR(_Torch):
    """Weights in torch.sparse_csr, differentiated by autograd."""

    title = "torch, sparse CSR"
    package = "torch"

    def make_layer(self, weights):
        import torch

        class CSRLinear(torch.nn.Module):
            def __init__(self, weights):
                super().__init__()
                self.shape = weights.shape
                self.indptr = torch.from_numpy(weights.indptr)
                self.indices = torch.from_numpy(weights.indices)
                self.weight = torch.nn.Parameter(torch.from_numpy(weights.data))
                self.bias = torch.nn.Parameter(torch.zeros(weights.shape[0]))

            def forward(self, inputs):
                matrix = torch.sparse_csr_tensor(self.indptr, self.indices, self.weight, self.shape)
                return torch.sparse.mm(matrix, inputs.t()).t() + self.bias

        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return CSRLinear(weights)

    @staticmethod
    def bytes_needed(workload):
        # Autograd makes the gradient of a layer dense before it keeps the connections' part.
        return 2 * 4 * max(n_in * n_out for n_in, n_out, _ in workload.layers)


class SparseLab(_Torch):
    """SparseLinear and SET of sparselab, which draws its connections itself."""

    title = "sparselab"
    package = "sparselab"
    evolves = True
    remarks = ("prunes by magnitude, whatever the sign",)

    def prepare(self, workload, n_threads, checkout):
        import sparselab

        super().prepare(workload, n_threads, checkout)
        self._rule = sparselab.SET(sparsity=0.9, drop_fraction=ZETA, update_freq=1)
        self.layers.apply(self._rule)

    def make_layer(self, weights):
        import sparselab

        n_out, n_in = weights.shape
        return sparselab.SparseLinear(n_in, n_out, sparsity=1 - weights.nnz / (n_in * n_out))

    def evolve(self):
        self._rule.step()

    @property
    def n_connections(self):
        return sum(
            layer.nnz if hasattr(layer, "nnz") else layer.weight.numel() for layer in self.layers
        )

    @staticmethod
    def bytes_needed(workload):
        # Weights, a random number for each, the mask and the product of both.
        return 16 * max(n_in * n_out for n_in, n_out, _ in workload.layers)


# -------------------------------------------------------------- checkouts, some compiled


class SparseProp(_Torch):
    """SparseLinear of IST-DASLab/sparseprop; nothing there evolves."""

    title = "sparseprop"
    option = "sparseprop"

    def prepare(self, workload, n_threads, checkout):
        import_from(checkout)
        super().prepare(workload, n_threads, checkout)

    def make_layer(self, weights):
        import torch
        from sparseprop.modules.linear import SparseLinear

        # It hands what it gets to scipy's csr_matrix: a sparse matrix serves as well as a dense
        # one, and fits in memory.
        return SparseLinear(weights, torch.nn.Parameter(torch.zeros(weights.shape[0])))


class Nerva(Tool):
    """wiegerw/nerva-rowwise: C++ and MKL behind Python bindings."""

    title = "nerva-rowwise"
    option = "nerva"
    evolves = True
    fixed_batch = True
    remarks = ("without the incomplete last batch, which gives it NaN",)

    def prepare(self, workload, n_threads, checkout):
        import_from(checkout)
        import nervalibrowwise as nerva

        nerva.set_num_threads(n_threads)
        nerva.set_nerva_computation("mkl")
        nerva.manual_seed(1)
        self._model, self._layers = nerva.MLP(), []
        self._targets = np.eye(workload.sizes[-1], dtype=np.float32)[self.y]
        last = len(workload.layers) - 1
        self._loss = nerva.softmax_cross_entropy_loss()
        for depth, (n_in, n_out, n_connections) in enumerate(workload.layers):
            density = n_connections / (n_in * n_out)
            activation = "ReLU" if depth < last else "Linear"
            if depth == last and density < 1:
                # The same function; without an activation a sparse layer writes its output
                # to memory that nobody has allocated.
                activation, self._loss = "Softmax", nerva.cross_entropy_loss()
            how = (activation, "Xavier", f"Momentum({MOMENTUM})")
            if density == 1:
                layer = nerva.make_dense_linear_layer(n_in, n_out, self.batch_size, *how)
            else:
                layer = nerva.make_sparse_linear_layer(n_in, n_out, self.batch_size, density, *how)
            self._model.append_layer(layer)
            self._layers.append(layer)

    def step(self, rows):
        output = self._model.feedforward(self.X[rows])
        delta = self._loss.gradient(output, self._targets[rows]) / rows.shape[0]
        self._model.backpropagate(output, delta)
        self._model.optimize(LEARNING_RATE)

    def evolve(self):
        for layer in self._sparse():
            layer.grow_random("Xavier", layer.prune_SET(ZETA))

    def _sparse(self):
        return [layer for layer in self._layers if hasattr(layer, "prune_SET")]

    @property
    def n_connections(self):
        return sum(
            layer.weight_count() if hasattr(layer, "weight_count") else layer.W.size
            for layer in self._layers
        )

    @staticmethod
    def bytes_needed(workload):
        # The gradient of a tenth of the outputs at a time, dense.
        return 4 * max(n_in * n_out // 10 for n_in, n_out, _ in workload.layers)


class SETReference(Tool):
    """The authors' scipy and Cython code; steps as in its `fit`, without the test data."""

    title = "SET reference"
    option = "set-reference"
    evolves = True
    precision = "float64"
    remarks = (
        "np.in1d put back where numpy has none",
        "coo_matrix made to copy, as scipy < 1.17 did; the gradient overwrites the weights else",
        "first connections drawn faster",
    )

    def prepare(self, workload, n_threads, checkout):
        import_from(checkout / "SET-MLP-Sparse-Python-Data-Structures")
        restore_in1d()
        import set_mlp_sparse_data_structures as reference

        def coo_matrix(argument, *args, **kwargs):
            return sparse.coo_matrix(argument, *args, copy=sparse.issparse(argument), **kwargs)

        reference.coo_matrix = coo_matrix
        # Its own draw sets one element of a lil_matrix at a time: minutes, where layers are wide.
        weights = authors_weights(workload)
        reference.createSparseWeights = lambda epsilon, n_in, n_out: next(weights)
        self.X = self.X.astype(np.float64)
        self._targets = np.eye(workload.sizes[-1])[self.y]
        n_hidden = len(workload.sizes) - 2
        activations = (reference.Relu,) * n_hidden + (reference.Sigmoid,)
        self._model = model = reference.SET_MLP(workload.sizes, activations, workload.epsilon)
        model.loss = reference.MSE(reference.Sigmoid)
        model.learning_rate, model.momentum, model.weight_decay = LEARNING_RATE, MOMENTUM, 0.0
        model.zeta = ZETA

    def step(self, rows):
        targets = self._targets[rows]
        z, a = self._model._feed_forward(self.X[rows])
        self._model.loss.loss(targets, a[self._model.n_layers])
        self._model._back_prop(z, a, targets)

    def evolve(self):
        self._model.weightsEvolution_Amar()

    @property
    def n_connections(self):
        return sum(weights.nnz for weights in self._model.w.values())


class LargeScaleSparse(Tool):
    """scipy and numba, by authors of SET; steps as in the `fit` of set_mlp_sequential.py."""

    title = "large-scale-sparse"
    option = "large-scale-sparse"
    evolves = True
    precision = "float32/64"
    remarks = (
        "np.in1d put back where numpy has none",
        "its loaders of images and its monitor, which need keras and psutil, replaced by stubs",
        "its evolution leaves the output layer as it is",
        "first connections drawn faster",
    )

    def prepare(self, workload, n_threads, checkout):
        import_from(checkout)
        restore_in1d()
        for name, unused in {
            "utils.load_data": "load_fashion_mnist_data",
            "wasap_sgd.train.monitor": "Monitor",
        }.items():
            sys.modules[name] = types.ModuleType(name)
            setattr(sys.modules[name], unused, None)
        import set_mlp_sequential as sequential

        weights = authors_weights(workload)
        sequential.createSparseWeights_II = lambda epsilon, n_in, n_out: next(weights)
        self._targets = np.eye(workload.sizes[-1], dtype=np.float32)[self.y]
        n_hidden = len(workload.sizes) - 2
        self._model = model = sequential.SET_MLP(
            workload.sizes,
            (sequential.Relu,) * n_hidden + (sequential.Softmax,),
            workload.epsilon,
            weight_init="normal",
        )
        model.loss = sequential.CrossEntropy()
        model.learning_rate, model.momentum, model.weight_decay = LEARNING_RATE, MOMENTUM, 0.0
        model.zeta = ZETA
        # Every evolution writes a file whose name begins with this.
        self._folder = tempfile.TemporaryDirectory()
        model.save_filename = str(Path(self._folder.name) / "connections")

    def step(self, rows):
        z, a, masks = self._model._feed_forward(self.X[rows], True)
        self._model._back_prop(z, a, masks, self._targets[rows])

    def evolve(self):
        self._model.weights_evolution_II()

    @property
    def n_connections(self):
        return sum(weights.nnz for weights in self._model.w.values())


TOOLS = {
    "sparseprop": SparseProp,
    "nerva": Nerva,
    "large-scale-sparse": LargeScaleSparse,
    "set-reference": SETReference,
    "torch-csr": TorchCSR,
    "sparselab": SparseLab,
    "torch-mask": TorchMask,
    "sklearn": DenseSklearn,
}


def random_weights(workload):
    """SET's first weights layer by layer, as CSR matrices of shape (n_in, n_out)."""
    rng = np.random.default_rng(0)
    for n_in, n_out, n_connections in workload.layers:
        positions = rng.choice(n_in * n_out, n_connections, replace=False, shuffle=False)
        yield as_weights(positions, n_in, n_out, rng, np.float32)


def authors_weights(workload):
    """The same as SET's authors draw them, with replacement: a few are drawn twice.

    An output layer of their networks is not quite full therefore, which their evolution needs.
    """
    rng = np.random.default_rng(0)
    for n_in, n_out in zip(workload.sizes, workload.sizes[1:], strict=False):
        draws = rng.integers(n_in * n_out, size=workload.epsilon * (n_in + n_out))
        yield as_weights(np.unique(draws), n_in, n_out, rng, np.float64)


def as_weights(positions, n_in, n_out, rng, dtype):
    rows, columns = np.divmod(positions, n_out)
    values = (rng.standard_normal(positions.shape[0]) / 10).astype(dtype)
    return sparse.csr_matrix((values, (rows, columns)), shape=(n_in, n_out))


def n_dense(workload):
    """Weights of the same layers, were they dense."""
    return sum(n_in * n_out for n_in, n_out, _ in workload.layers)


def import_from(checkout):
    """Put the checkout, its Python package and whatever was compiled there on sys.path."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    folders = {path.parent for path in checkout.rglob(f"*{suffix}")}
    sys.path[:0] = [str(checkout), *sorted(map(str, folders))]


def restore_in1d():
    """Give numpy its in1d back: two of the checkouts were written before it went."""
    if not hasattr(np, "in1d"):
        vars(np)["in1d"] = lambda a, b: np.isin(a, b).ravel()
