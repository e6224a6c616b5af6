"""Short names for the types of the public signatures.

What only one module speaks of, such as matplotlib's axes, is named there.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

# Numbers of Python and of NumPy alike.
Int: TypeAlias = int | np.integer
Float: TypeAlias = float | np.floating | np.integer

Floats: TypeAlias = NDArray[np.floating]
Ints: TypeAlias = NDArray[np.int64]
Labels: TypeAlias = NDArray[Any]
Matrix: TypeAlias = ArrayLike | sparse.sparray | sparse.spmatrix

FilePath: TypeAlias = str | PathLike[str]
RandomState: TypeAlias = Int | np.random.RandomState | None
Scoring: TypeAlias = str | Callable[..., Float] | None
Keywords: TypeAlias = dict[str, Any] | None

# Parameters of the estimators.  The names that a parameter accepts are rows of tables, so they are
# any str here, and checked when `fit` begins.
Auto: TypeAlias = Literal["auto"]
LayerSizes: TypeAlias = Int | Sequence[Int] | NDArray[np.integer]
Names: TypeAlias = str | Sequence[str]
