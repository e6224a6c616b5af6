"""Warnings that point to the line of the user's code.

Knows where the package ends, and nothing else.
"""

import sys
import warnings

# Packages between the user's call and the warning: ours, and the one that wraps `fit`.
_NOT_THE_USER = ("sklearn_set", "sklearn.callback")


def warn(message, category=UserWarning):
    """Warn as `warnings.warn` does, but point to the first caller outside the package.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_ours(module):
    return any(module == name or module.startswith(f"{name}.") for name in _NOT_THE_USER)
