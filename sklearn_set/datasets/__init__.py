"""Data in the shape of microarray studies: generated ones, and well-known ones to download.

The names in `__all__` are the public ones; the modules behind them are for reading.
"""

from sklearn_set.datasets._fetcher import fetch_microarray
from sklearn_set.datasets._generator import make_microarray

__all__ = ["fetch_microarray", "make_microarray"]
