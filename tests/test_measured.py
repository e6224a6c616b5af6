"""Numbers that measurements decided stand in one file, each under a command that there is."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from sklearn_set._core import measured

PACKAGE = Path(measured.__file__).parents[1]
CORE = PACKAGE / "_core"
BENCHMARKS = Path(__file__).parent / "benchmarks"
NAMES = {name for name in vars(measured) if name.isupper()}
KERNEL_SOURCES = [path for path in CORE.iterdir() if path.suffix in (".pyx", ".pxd", ".pxi")]

if not KERNEL_SOURCES:
    pytest.skip("the package is installed without its sources", allow_module_level=True)

# Anonymous constants of other files: the narrowest block of a pass; how many squares single
# precision adds up without loss.
# What kernels say of themselves, and the format of a float.
NOT_MEASURED = {
    "NARROWEST",
    "SQUARES",
    "DROPPED_BITS",
    "NOT_SIGN",
    "INFINITE",
    "N_DIGITS",
    "N_NEXT_DIGITS",
}


def sections():
    """(command, names under it) in the order of the file."""
    command, found = None, []
    for line in (CORE / "measured.pxd").read_text("utf-8").splitlines():
        if line.startswith("    # $ "):
            command = shlex.split(line.removeprefix("    # $ "))
            found.append((command, []))
        elif name := re.match(r"    ([A-Z_]+) = ", line):
            assert command is not None, f"{name[1]} has no command"
            found[-1][1].append(name[1])
        elif line.startswith("    # ---"):
            command = None
    return found


def test_every_number_has_a_command():
    found = sections()
    assert all(names for _, names in found), "a command shows the worth of something"
    assert sorted(name for _, names in found for name in names) == sorted(NAMES)


@pytest.mark.parametrize("script", sorted({command[0] for command, _ in sections()}))
@pytest.mark.filterwarnings("ignore")
def test_the_commands_exist(script, monkeypatch, capsys):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
    usage = capsys.readouterr().out
    for command, _ in sections():
        if command[0] == script:
            options = [word for word in command if word.startswith("--")]
            assert all(re.search(rf"{option}\b", usage) for option in options), command


def test_every_number_is_used():
    others = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    others += [path.read_text("utf-8") for path in KERNEL_SOURCES if path.stem != "measured"]
    words = set(re.findall(r"\w+", "\n".join(others)))
    assert words >= NAMES


def test_kernels_have_no_numbers_of_their_own():
    for path in KERNEL_SOURCES:
        text = path.read_text("utf-8")
        for block in re.findall(r"^ *cdef enum:\n((?: +.*\n|\n)+)", text, re.MULTILINE):
            assert set(re.findall(r"^ +(\w+) = ", block, re.MULTILINE)) <= NOT_MEASURED, path.name
        for bound in re.findall(r"[<>]=? *(\d[\d_]*|1 << \d+)\b", text):
            is_small = "<<" not in bound and int(bound) <= 128
            assert is_small or path.stem == "measured", f"{path.name}: {bound}"
