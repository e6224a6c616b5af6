"""Fitted models for other programs: as ONNX graphs, and as files of skops.

The names in `__all__` are the public ones; the modules behind them are for reading.  They read
fitted estimators, change nothing, and know no training.
"""

from sklearn_set.export._onnx import register_onnx_converters, to_onnx
from sklearn_set.export._skops import TRUSTED

__all__ = ["SKOPS_TRUSTED", "register_onnx_converters", "to_onnx"]

#: Full names of the classes that ``skops.io.load`` must be told to trust, by its argument
#: `trusted`, to load a model, a selector or a callback of this package.
SKOPS_TRUSTED: tuple[str, ...] = TRUSTED
