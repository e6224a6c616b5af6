"""Break the package on purpose, one place at a time, and tell which breaks the tests notice.

    python tests/mutants.py                     every break against the whole suite
    python tests/mutants.py --quick             against what `make test-quick` runs
    python tests/mutants.py --only "dropout"    breaks whose text or description holds a word

The breaks are in `tests/breaks/`.  Each is made in a temporary copy, never in place.  Nearest tests
run first, and the first that fails ends the run.  Where a kernel is broken, one compiled module is
built again, for any processor and without much optimisation.  The tests then meet only the kernels
for any processor, as if this one knew no others.
"""

import argparse
import ast
import contextlib
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SOURCES = (".py", ".pyx", ".pxd", ".pxi", ".h")
NOT_COPIED = (".git", ".venv", "build", "__pycache__", ".pytest_cache", "_build", "auto_examples")

# Compiled modules of their own; kernels that none of them includes are part of the last one.
MODULES = ("connections", "directions", "draws", "mixture", "products", "pruning", "system")
STEP = "step_baseline_f64"

# Seconds after which tests hang, of one break.
PATIENCE = 1200

# setup.py, but for one extension alone.
BUILD = """
import runpy, sys
import Cython.Build, setuptools

module = sys.argv.pop(1)
cythonize = Cython.Build.cythonize

def of_one(extensions, **how):
    wanted = [each for each in extensions if each.name.endswith("." + module)]
    for each in wanted:
        each.extra_compile_args = [*each.extra_compile_args, "-O1"]
    return cythonize(wanted, force=True, **how)

Cython.Build.cythonize = of_one
runpy.run_path("setup.py", run_name="__main__")
"""


# Modules of tests/breaks; those of compiled code last, which need a compiler.
PARTS = (
    *("learning", "evolution", "estimators", "callbacks", "selection", "around"),
    *("connections", "kernels"),
)


def breaks_of(*parts):
    """The breaks of some parts, of all parts without arguments."""
    modules = [importlib.import_module(f"breaks.{part}") for part in parts or PARTS]
    return [each for module in modules for each in module.BREAKS]


def sources_of(root):
    """Path -> text of every source of the package."""
    folder = Path(root) / "sklearn_set"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SOURCES)
    return {path: path.read_text(encoding="utf-8") for path in paths}


def broken(each, sources):
    """The file that a break changes, and its new text.

    Raises
    ------
    ValueError
        If the old text does not occur exactly once, or if the new text is no Python.
    """
    words = each.old.split()
    old, longest = re.compile(r"\s+".join(map(re.escape, words))), max(words, key=len)
    found = [
        (path, match)
        for path, text in sources.items()
        if longest in text and path.match(each.where)
        for match in old.finditer(text)
    ]
    if len(found) != 1:
        places = ", ".join(path.name for path, _ in found) or "nowhere"
        raise ValueError(f"{each.old!r} must occur once, but is found {len(found)} times: {places}")
    ((path, match),) = found
    text = sources[path]
    changed = text[: match.start()] + each.new + text[match.end() :]
    if path.suffix == ".py":
        try:
            ast.parse(changed)
        except SyntaxError as error:
            raise ValueError(f"{each.new!r} for {each.old!r} is no Python: {error}") from None
    return path, changed


def is_kernel(path):
    """Whether a source is compiled."""
    return path.suffix != ".py"


def module_of(path):
    """The compiled module that a kernel belongs to."""
    for name in MODULES:
        source = (path.parent / f"{name}.pyx").read_text(encoding="utf-8")
        if name == path.stem or f'include "{path.name}"' in source:
            return name
    return STEP


def take_signals():
    """Let whoever ends this process end what it has started, and Ctrl-C reach the tests.

    Shells start what runs in the background with SIGINT ignored.  Children would inherit that, and
    tests that interrupt something would fail whatever is broken.
    """

    def end(number, frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


def run(command, seconds, folder, environment):
    """Exit status and output of a command; None as status where it hangs.

    All processes that it has started end with it, however it ends.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return process.returncode, output


class NotCompiledError(Exception):
    """A kernel that was broken does not compile; with what the compiler says."""


class Copy:
    """A copy of the tree in a folder, in which tests run; with kernels for any processor alone."""

    def __init__(self, folder, *, baseline_only):
        self.root = Path(folder)
        shutil.copytree(
            ROOT, self.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_COPIED)
        )
        core = self.root / "sklearn_set" / "_core"
        self.ignored = []
        if baseline_only:
            for path in core.glob("step_*.so"):
                if "_baseline_" not in path.name:
                    path.unlink()
            # This test would fail, since they are missing.
            self.ignored = [self.root / "tests" / "test_wheel.py"]
        if not list(core.glob(f"{STEP}.*.so")):
            raise SystemExit("The kernels are not built: pip install --editable . comes first.")
        self.sources = sources_of(self.root)

    def environment(self):
        """Variables by which tests meet the copy, and no compiled Python of another break."""
        names = (name for name in os.environ if not name.startswith("SKLEARN_SET_"))
        path = os.pathsep.join([str(self.root), str(self.root / "tests")])
        kept = {name: os.environ[name] for name in names}
        return kept | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, command, seconds):
        """Exit status and output of a command; None as status where it hangs."""
        return run([sys.executable, *map(str, command)], seconds, self.root, self.environment())

    def build(self, path):
        """Build the module of a kernel; return the library and its old content, to be restored."""
        module = module_of(path)
        (library,) = path.parent.glob(f"{module}.*.so")
        before = library.read_bytes()
        status, output = self.run(["-c", BUILD, module, "build_ext", "--inplace", "--force"], 600)
        if status != 0:
            raise NotCompiledError(output[-3000:])
        return library, before

    def who_notices(self, each, options, workers, nearest_only):
        """The test that notices a break; None where all pass."""
        tests = self.root / "tests"
        nearest = [tests / f"{name}.py" for name in each.near]
        rest = [f"--ignore={path}" for path in nearest]
        for what in (
            [nearest]
            if nearest_only
            else [nearest, [tests, *rest, "-n", workers, "--dist", "loadgroup"]]
        ):
            ignored = [f"--ignore={path}" for path in self.ignored]
            quiet = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", "-rfE"]
            status, output = self.run(["-m", "pytest", *quiet, *options, *ignored, *what], PATIENCE)
            if status is None:
                return "tests that hang"
            if status in (1, 2):
                return first_failure(output)
            if status < 0:
                return f"a crash by signal {-status}"
            if status != 0:
                raise SystemExit(f"pytest ends with {status}:\n{output[-3000:]}")
        return None


def first_failure(output):
    """The name of the test that fails first, which may have spaces; else that there is an error."""
    found = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    return found[1] if found else "an error"


def try_out(copy, each, *options):
    """Make a break, run the tests, and mend it again."""
    path, changed = broken(each, copy.sources)
    library = None
    path.write_text(changed, encoding="utf-8")
    try:
        if is_kernel(path):
            library, before = copy.build(path)
        return copy.who_notices(each, *options)
    finally:
        path.write_text(copy.sources[path], encoding="utf-8")
        if library is not None:
            library.unlink()
            library.write_bytes(before)


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="what `make test-quick` runs")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="in text or description")
    parser.add_argument("--of", choices=PARTS, help="breaks of this part alone")
    parser.add_argument(
        "--workers", default="logical", help="processes of tests that are not nearest"
    )
    parser.add_argument("--nearest", action="store_true", help="the nearest tests of each alone")
    parser.add_argument("--list", action="store_true", help="say what would be broken, and end")
    arguments = parser.parse_args()

    take_signals()
    sources = sources_of(ROOT)
    wanted = []
    for each in breaks_of(*([arguments.of] if arguments.of else [])):
        path, _ = broken(each, sources)
        words = arguments.only or [""]
        if any(word in f"{each.old} {each.what}" for word in words):
            wanted.append((each, path.relative_to(ROOT)))
    if arguments.list:
        for each, path in wanted:
            print(f"{path}: {each.what}\n    {each.old}\n    {each.new}")
        return 0

    options = ["-m", "not slow"] if arguments.quick else []
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copies = {}
        for each, path in wanted:
            kind = "kernels" if is_kernel(path) else "python"
            if kind not in copies:
                copies[kind] = Copy(Path(folder) / kind, baseline_only=is_kernel(path))
            began = time.perf_counter()
            try:
                test = try_out(copies[kind], each, options, arguments.workers, arguments.nearest)
                told = f"caught by {test}" if test else "NOT CAUGHT"
            except NotCompiledError as error:
                test, told = None, f"NOT COMPILED\n{error}"
            seconds = time.perf_counter() - began
            print(f"{seconds:4.0f} s  {path.name}: {each.what}: {told}", flush=True)
            if test is None:
                missed.append(each)
    suite = "quick" if arguments.quick else "whole"
    print(f"The {suite} suite catches {len(wanted) - len(missed)} of {len(wanted)} breaks.")
    for each in missed:
        print(f"Not caught: {each.what}: {each.old!r} -> {each.new!r}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
