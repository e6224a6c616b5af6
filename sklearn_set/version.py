"""What pyproject.toml states once: the version, and where the documentation is."""

from importlib.metadata import metadata

_stated = metadata("sklearn_set")
__version__ = _stated["Version"]
DOCUMENTATION = next(
    address
    for label, address in (entry.split(", ") for entry in _stated.get_all("Project-URL", []))
    if label == "Documentation"
)
