"""The compiled cellar: kernels, the stepper, and integer work on topologies.  Not public."""

from importlib.util import find_spec

if find_spec(f"{__name__}.system") is None:
    raise ImportError(
        f"The kernels of sklearn_set are not compiled in {__path__[0]!r}. This is a folder of "
        "sources, which Python finds before the installed package: leave the folder, or install "
        "the package in it with pip install --editable ."
    )
