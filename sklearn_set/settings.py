"""How to train: the estimators' parameters, with every "auto" decided.

Knows parameters, and the sizes of data and network; must not know data or weights.
"""

import threading
from dataclasses import dataclass, fields

import numpy as np

from sklearn_set.warning import warn

# Networks with more connections get no snapshots by "auto", no search and no short networks.
MANY_CONNECTIONS = 1_000_000

# The largest batch that "auto" chooses, as in MLPClassifier.
_LARGEST_AUTOMATIC_BATCH = 200

# A search for features holds out a fifth of the samples.  "auto" searches only if these are enough
# to judge, and if there are enough epochs.
_FEWEST_SAMPLES_TO_SEARCH = 150
_FEWEST_EPOCHS_TO_SEARCH = 50
# The share of the epochs that it takes.
_SEARCHED = 0.6
# With more samples for each feature, those that do not matter do little harm.
_SAMPLES_PER_FEATURE = 10


@dataclass(frozen=True)
class Settings:
    """What was decided about training; names and meanings are those of the parameters.

    Attributes beside these parameters
    ----------------------------------
    n_epochs : int
        The most epochs of this call.
    n_search_epochs : int
        How many of them search for the features that matter; 0 without a search.
    smallest_batch : int
        A smaller batch is penalised as one of this size.
    score_decides : bool
        Whether the score on held-out samples decides when to stop and which network is the best;
        else the training loss decides when to stop, and the last network is kept.
    feature_relevance : bool
        Whether the relevance of features is estimated; never in a fit that goes on.
    keeps_moments : bool
        Whether to keep the optimizer for another call.  Moments take as much memory as weights.
    n_threads : int
    verbose : int
        Whether to tell every epoch.
    fit_name : str
        What the lines begin with that `verbose` prints; empty if there is nothing to tell apart.
    """

    n_epochs: int
    n_search_epochs: int
    max_iter: int
    batch_size: int
    smallest_batch: int
    shuffle: bool
    zeta: float
    rewire_interval: int
    pruning: str
    growth: str
    newborn_weights: str
    weight_init: str
    dropout: float
    input_dropout: float
    mixup: float
    label_smoothing: float
    alpha: float
    weight_decay: float
    learning_rate: str
    learning_rate_init: float
    power_t: float
    n_snapshots: int
    tol: float
    n_iter_no_change: float
    score_decides: bool
    feature_relevance: bool
    keeps_moments: bool
    n_threads: int
    verbose: int
    fit_name: str

    def told(self, parameters):
        """What was decided for each parameter that was "auto", as plain values by name."""
        known = {field.name for field in fields(self)}
        decided = {
            name: plain(getattr(self, name))
            for name, value in parameters.items()
            if name in known and isinstance(value, str) and value == "auto"
        }
        if isinstance(parameters.get("feature_search"), str):
            decided["feature_search"] = self.n_search_epochs > 0
        return decided

    def tell(self, text):
        """Print lines for the user who asked for them."""
        if self.verbose:
            lines = [f"{self.fit_name}{line}\n" for line in text.splitlines()]
            # In one piece, and at once: several processes may print to one screen.
            print("".join(lines), end="", flush=True)

    def introduce(self, estimator, n_samples, n_features):
        """Print which fit begins, if its lines have a name."""
        if self.fit_name:
            parameters = " ".join(repr(estimator).split())  # in one line
            self.tell(f"{parameters}: {n_samples} samples, {n_features} features")


def plain(value):
    """A value without NumPy's types."""
    return value.item() if isinstance(value, np.generic) else value


def name_of_fit(is_clone):
    """What tells the lines of `verbose` from those of other fits at the same time.

    Those are fits of clones, or by other threads.  A thread has one fit at a time, and the system
    gives no two threads of all processes the same number.
    """
    if not is_clone and threading.current_thread() is threading.main_thread():
        return ""
    return f"[{threading.get_native_id()}] "


def decided(
    parameters,
    *,
    sizes,
    n_connections,
    n_samples,
    n_counting,
    is_part,
    goes_on,
    n_threads,
    fit_name="",
):
    """Decide every "auto", and what depends on several parameters.

    Parameters
    ----------
    parameters : dict of str to object
        The estimator's.
    sizes : sequence of int
        Numbers of neurons, data and output included.
    n_connections : int
        Number of connections of the network.
    n_samples : int
        Number of samples to train on.
    n_counting : int
        How many of them have a weight above zero.
    is_part : bool
        Whether the samples are a part of a stream, to be seen once.
    goes_on : bool
        Whether training goes on with a network that is there.
    n_threads : int
    fit_name : str
        What lines of `verbose` begin with.

    Returns
    -------
    Settings
    """
    early_stopping = parameters["early_stopping"]
    batch_size = parameters["batch_size"]
    values = {"label_smoothing": 0.0} | parameters  # regression has no labels to smooth
    n_search_epochs = round(_SEARCHED * parameters["max_iter"])
    # Features lose their connections by evolutions.
    will_evolve = parameters["zeta"] > 0 and parameters["rewire_interval"] < n_search_epochs
    can_search = will_evolve and not (is_part or goes_on or early_stopping)
    searches = parameters["feature_search"]
    if searches == "auto":
        searches = _is_worth_a_search(parameters, sizes, n_connections, n_counting)
    elif searches and not (can_search or is_part or goes_on):
        cause = "there are no evolutions. Raise zeta or max_iter, or lower rewire_interval"
        if early_stopping:
            cause = "early_stopping=True needs the held-out samples. Leave one of the two out"
        warn(f"feature_search=True has no effect: {cause}.")
    searches = can_search and bool(searches)
    automatic = _automatic(sizes, n_connections, n_samples, is_part, searches)
    for name, value in automatic.items():
        if values[name] == "auto":
            values[name] = value
    if values["n_iter_no_change"] == "auto":
        has_judge = early_stopping or values["mixup"] == 0
        values["n_iter_no_change"] = 10 if has_judge and not searches else np.inf
    if values["learning_rate"] == "auto":
        # A rate can fall to zero only if it is known when training ends.
        end_is_known = values["n_iter_no_change"] == np.inf and not is_part
        values["learning_rate"] = "cosine" if end_is_known else "constant"
    if batch_size != "auto" and batch_size > n_samples and not is_part:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    # The strength of the penalty must not depend on how many samples come at a time.
    usual_batch = min(values["batch_size"], _LARGEST_AUTOMATIC_BATCH)
    if is_part or goes_on:
        values["feature_relevance"] = False
    values |= {
        "n_epochs": 1 if is_part else parameters["max_iter"],
        "n_search_epochs": n_search_epochs if searches else 0,
        "smallest_batch": usual_batch if is_part and n_samples < usual_batch else 1,
        "batch_size": min(values["batch_size"], n_samples),
        "n_snapshots": 1 if early_stopping or is_part else values["n_snapshots"],
        "score_decides": early_stopping,
        "keeps_moments": is_part or parameters["warm_start"],
        "n_threads": n_threads,
        "fit_name": fit_name,
    }
    return Settings(**{field.name: values[field.name] for field in fields(Settings)})


def _is_worth_a_search(parameters, sizes, n_connections, n_samples):
    """Whether "auto" searches for the features that matter."""
    return (
        _FEWEST_SAMPLES_TO_SEARCH <= n_samples < _SAMPLES_PER_FEATURE * sizes[0]
        and n_connections <= MANY_CONNECTIONS
        and parameters["max_iter"] >= _FEWEST_EPOCHS_TO_SEARCH
    )


def even_batch(n_samples, at_most):
    """The size of as few batches as possible, of at most so many samples.

    If the last batch were less than half as large as the others, all are about equally large: in a
    batch of a few samples, the penalty would be many times as strong.
    """
    if 2 * (n_samples % at_most or at_most) >= at_most:
        return min(n_samples, at_most)
    n_batches = -(-n_samples // at_most)
    return -(-n_samples // n_batches)


def _automatic(sizes, n_connections, n_samples, is_part, searches):
    """What "auto" means for data and a network of these sizes."""
    # With more features than samples, a network can learn any labels by heart.  Everything that
    # helps against it is turned on.
    wide = sizes[0] > n_samples and not is_part
    is_large = n_connections > MANY_CONNECTIONS
    batch_size = max(16 if searches else 32, min(_LARGEST_AUTOMATIC_BATCH, n_samples // 10))
    return {
        "input_dropout": 0.5 if wide else 0.0,
        # the more features a sample has, the easier it is learned by heart
        "mixup": min(sizes[0] / n_samples / 10, 4.0) if wide else 0.0,
        "batch_size": batch_size if is_part else even_batch(n_samples, batch_size),
        # `draw_weights` turns this "auto" into a law that suits the activation
        "weight_init": "small" if len(sizes) <= 3 else "auto",
        "n_snapshots": 10 if wide and not is_large else 1,
        # a search, where there can be one, finds more
        "feature_relevance": wide and not searches,
    }
