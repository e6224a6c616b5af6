"""A source distribution holds what building, testing and reading need, and nothing made."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

if not (ROOT / "setup.py").is_file():
    pytest.skip("the package is installed without its sources", allow_module_level=True)


@pytest.mark.slow
def test_sdist_is_complete(tmp_path):
    pytest.importorskip("setuptools")
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "setup.py", "--quiet"),
            *("egg_info", "--egg-base", str(tmp_path), "sdist", "--dist-dir", str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {"setup.py", "pyproject.toml", "README.md", "LICENSE", "Makefile", "doc/conf.py"}
    expected |= {"sklearn_set/py.typed", ".pre-commit-config.yaml", ".readthedocs.yaml"}
    for folder, kinds in (
        ("sklearn_set", ("py", "pyx", "pxd", "pxi", "h")),
        ("tests", ("py",)),
        (".github", ("md", "yml", "cff")),
    ):
        expected |= {
            path.relative_to(ROOT).as_posix()
            for kind in kinds
            for path in (ROOT / folder).rglob(f"*.{kind}")
        }
    assert expected <= names
    made = [name for name in names if name.endswith((".so", ".pyc", ".html"))]
    made += [name for name in names if name.startswith("sklearn_set/") and name.endswith(".c")]
    made += [name for name in names if name.startswith(("doc/_build", "doc/auto_", "doc/gen"))]
    assert made == []
