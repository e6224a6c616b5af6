"""What an sdist holds builds, tests and documents the package; a wheel holds what runs."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

if not (ROOT / "setup.py").is_file():
    pytest.skip("the package is installed without its sources", allow_module_level=True)


def setup(*words):
    """Run setup.py of this checkout."""
    for module in ("setuptools", "Cython"):
        pytest.importorskip(module, reason="setup.py needs what builds the package")
    run(sys.executable, "-W", "ignore", "setup.py", "--quiet", *map(str, words))


def run(*words, cwd=ROOT, **variables):
    done = subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    setup("egg_info", "--egg-base", folder, "sdist", "--dist-dir", folder)
    (path,) = folder.glob("*.tar.gz")
    return path


@pytest.mark.slow
@pytest.mark.xdist_group("sdist")
def test_sdist_is_complete(archive):
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
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


def test_wheels_hold_no_sources_of_kernels(tmp_path):
    """All but the compiled modules, which lie beside these files."""
    setup("build_py", "--build-lib", tmp_path)
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    modules = {path.relative_to(ROOT) for path in (ROOT / "sklearn_set").rglob("*.py")}
    assert files == modules | {Path("sklearn_set", "py.typed")}


SMOKE = """
from importlib.metadata import version
from pathlib import Path
import sklearn_set
from sklearn_set import SETClassifier
from sklearn_set.datasets import make_microarray

assert Path(sklearn_set.__file__).is_relative_to(Path.cwd()), sklearn_set.__file__
assert sklearn_set.__version__ == version("sklearn_set")
X, y = make_microarray(40, 60, random_state=0)
assert SETClassifier(10, random_state=0).fit(X, y).predict(X).shape == y.shape
"""


@pytest.mark.slow
@pytest.mark.xdist_group("sdist")
def test_a_wheel_can_be_made_of_the_sdist(archive, tmp_path):
    """One variant of the kernels, and not much optimised: the files are what is tested."""
    pytest.importorskip("Cython", reason="compiles")
    run("tar", "-xf", archive, cwd=tmp_path)
    (source,) = tmp_path.iterdir()
    plain = {"SKLEARN_SET_DEBUG": "1", "SKLEARN_SET_PLAIN": "1", "MAKEFLAGS": ""}
    command = (sys.executable, "-W", "ignore", "setup.py", "--quiet")
    run(*command, "bdist_wheel", "--dist-dir", tmp_path, cwd=source, **plain)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(unpacked)
    kinds = {path.suffix for path in unpacked.rglob("*") if path.is_file()}
    assert kinds & {".pyx", ".pxd", ".pxi", ".c", ".h", ".html"} == set()
    run(sys.executable, "-P", "-c", SMOKE, cwd=unpacked, PYTHONPATH=str(unpacked))


def test_an_index_of_packages_shows_the_readme(tmp_path):
    """Its links lead to the documentation site, to pages and headings that are there."""
    setup("egg_info", "--egg-base", tmp_path)
    (path,) = tmp_path.glob("*.egg-info/PKG-INFO")
    metadata = message_from_string(path.read_text("utf-8"))
    assert metadata["Description-Content-Type"] == "text/markdown"
    shown = metadata.get_payload()
    addresses = dict(address.split(", ") for address in metadata.get_all("Project-URL"))
    targets = re.findall(r"\]\(([^)\s]+)\)", shown) + re.findall(r"(?:src|href)=\"(.*?)\"", shown)
    assert len(targets) > 20
    site = addresses["Documentation"] + "/"
    for target in targets:
        assert target.startswith("https://")
        if target.startswith(site):
            page = re.sub(r"\.html(#.*)?$", ".md", target.removeprefix(site))  # or a picture
            assert (ROOT / "doc" / page).is_file(), target
    (picture,) = re.findall(r"!\[.+\]\((.+)\)", shown)
    assert picture.startswith(f"{site}_static/")  # which the site holds whatever its pages show
    source = (ROOT / "README.md").read_text("utf-8")
    # Nobody can follow these two links of a checkout elsewhere, nor do words alone help there.
    ours = " · [Source](sklearn_set) ·\n[Report an error](.github/CONTRIBUTING.md)"
    source = source.replace(ours, "")
    without_links = re.compile(r"\[([^\]]+)\]\([^)]+\)")
    assert without_links.sub(r"\1", source).strip() == without_links.sub(r"\1", shown).strip()
