"""Attributes and parameters that are not there: why, and what to do.

Knows names and their annotations; must not know what is in the attributes.
"""

from __future__ import annotations

from functools import cache
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from sklearn_set.validation import did_you_mean, shown


class Explained:
    """A class that says why one of its annotated attributes is not there.

    The attributes that a class may get later end in an underscore, and are annotated in its body,
    or are properties.
    """

    def _why_absent(self, name):
        """The error to raise for an attribute that is not there; None for Python's own."""

    if not TYPE_CHECKING:  # checkers would believe that every name is there

        def __getattr__(self, name):
            if name.endswith("_") and not name.startswith("_") and _promises(type(self), name):
                error = self._why_absent(name)
                try:
                    if error is not None:
                        raise error
                finally:
                    del error  # or error and frame would keep each other, and what the frame sees
            # Python comes here if a property has raised AttributeError, too: it says so again.
            return super().__getattribute__(name)


def _promises(kind, name):
    """Whether objects of a class get an attribute of this name some day, or a property has it."""
    # Annotations of a user's subclass may name what is known to type checkers alone.
    ours = [parent for parent in kind.__mro__ if parent.__module__.startswith("sklearn_set.")]
    return hasattr(kind, name) or any(name in _annotated(parent) for parent in ours)


@cache
def _annotated(kind):
    """The names that a class of ours annotates: asked for in every prediction."""
    return frozenset(get_annotations(kind))


class Estimator(Explained, BaseEstimator):
    """An estimator that says why an attribute is not there, or which parameter may be meant."""

    # The attribute that tells whether it is fitted.  Others may be there before: a user's own.
    _mark_of_fit: ClassVar[str]

    # Why a fitted estimator may lack an attribute, by name.
    _reasons: ClassVar[dict] = {
        "feature_names_in_": "X of 'fit' had no names of features that are all strings, such as "
        "the columns of a data frame"
    }

    def _why_absent(self, name):
        kind = type(self).__name__
        # Not by `check_is_fitted`, which may ask for attributes, and so come here again.
        if self._mark_of_fit not in vars(self):
            return NotFittedError(
                f"This {kind} instance is not fitted yet: it has no {name}. Call 'fit' with "
                "appropriate arguments before using this attribute."
            )
        if name in self._reasons:
            return AttributeError(f"This {kind} has no {name}: {self._reasons[name]}.")
        return None

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameters by name; ``<component>__<parameter>`` names one of a nested estimator.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        valid = self.get_params(deep=False)
        for key in params:
            name, _, inner = key.partition("__")
            if name not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}."
                    f"{did_you_mean(name, valid)} Valid parameters are: {sorted(valid)}."
                )
            owner = params.get(name, valid[name])
            if inner and not hasattr(owner, "set_params"):
                raise ValueError(
                    f"Invalid parameter {key!r} for estimator {type(self).__name__}: {name!r} is "
                    f"{shown(owner)}, which has no parameters. Set {name!r} first."
                )
        return super().set_params(**params)
