"""How good a network is on held-out samples, while it is trained.

Knows validation sets, losses and the user's scorers; must not know what follows from a score.
"""

from sklearn.metrics import check_scoring, get_scorer_names

from sklearn_set.losses import mean_loss
from sklearn_set.sample_weights import near_one
from sklearn_set.samples import Samples
from sklearn_set.validation import InvalidParameterError, did_you_mean, shown


def validator_of(estimator, problem, held_out, task):
    """Return a function: the score and loss of a network on held-out samples.

    Parameters
    ----------
    estimator : BaseSET
        The draft whose network is trained; the user's scorer calls its methods.
    problem : Problem
    held_out : ndarray of int32 or None
        The samples that early stopping has set aside.
    task : FitTask

    Returns
    -------
    callable or None
        None without held-out samples.
    """
    held_out = problem.validated_on(held_out)
    if held_out is None:
        return None
    X, own_weight = Samples(held_out.X), near_one(held_out.weight)
    loss, parameter = problem.loss, problem.loss_parameter
    score_by_user = None
    if estimator.scoring is not None:
        score_by_user = _score_by_user(estimator, held_out, task)

    def validate(network):
        raw = network.forward(X, problem.settings.n_threads)
        if score_by_user is None:
            score = estimator._score_of_outputs(held_out, raw, own_weight)
        else:
            score = score_by_user()
        return float(score), mean_loss(loss, raw, held_out.targets, own_weight, parameter)

    return validate


def scorer_of(estimator, scoring, owner):
    """scikit-learn's `check_scoring`, which would write a list of all names for a wrong one.

    Parameters
    ----------
    estimator : estimator
        The one to score.
    scoring : str, callable or None
    owner : object
        Whose parameter it is, for the message.

    Returns
    -------
    callable

    Raises
    ------
    InvalidParameterError, ValueError
    """
    names = get_scorer_names()
    if isinstance(scoring, str) and scoring not in names:
        raise InvalidParameterError(
            f"The 'scoring' parameter of {type(owner).__name__} must be a str among those of "
            "sklearn.metrics.get_scorer_names(), a callable or None. Got "
            f"{shown(scoring)} instead.{did_you_mean(scoring, names)}"
        )
    return check_scoring(estimator, scoring=scoring)


def _score_by_user(estimator, held_out, task):
    """Return a function: the score of the estimator by the user's `scoring`."""
    scorer = scorer_of(estimator, estimator.scoring, estimator)
    X = held_out.as_given()
    weight = {} if held_out.weight is None else {"sample_weight": held_out.weight}

    def score():
        with task.as_user():
            return _number(scorer(estimator, X, held_out.y, **weight))

    return score


def _number(score):
    """The score that a scorer has returned, as a float."""
    try:
        return float(score)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"`scoring` must be a scorer that returns a number, but it returned {shown(score)}, a "
            f"{type(score).__name__}."
        ) from None
