"""The version, and the address of the documentation, which pyproject.toml states.

Knows the installed metadata, and nothing else.
"""

from importlib.metadata import metadata

_stated = metadata("sklearn_set")
__version__ = _stated["Version"]
DOCUMENTATION = next(
    address
    for label, address in (entry.split(", ") for entry in _stated.get_all("Project-URL", []))
    if label == "Documentation"
)
