"""What is compiled, and how.  Everything else about the package is in pyproject.toml.

Environment
-----------
SKLEARN_SET_DEBUG=1      bounds checks and annotated HTML, baseline variant only
SKLEARN_SET_OPENMP=0|1   build without OpenMP, or fail where it is missing
SKLEARN_SET_PLAIN=1      kernels without vector types, as compilers without them build
SKLEARN_SET_SANITIZE=address|thread
                         kernels that watch themselves: address for memory and undefined
                         behaviour, thread for races; `make sanitize` says how they are run
"""

import os
import platform
import re
import sys
import tempfile
import textwrap
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

CORE = Path("sklearn_set") / "_core"

# Variant -> flags of GCC and Clang; machine.py knows which processor may run which.  prefetchw is
# in no level, but no processor of levels 3 and 4 minds it: the oldest take it for a nop.
X86_VARIANTS = {
    "baseline": [],
    "x86_v3": ["-march=x86-64-v3", "-mprfchw"],
    "x86_v4": ["-march=x86-64-v4", "-mprfchw", "-mprefer-vector-width=512"],
}
REAL_BITS = {"f32": "32", "f64": "64"}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}

DEBUG = os.environ.get("SKLEARN_SET_DEBUG") == "1"
if DEBUG:
    DIRECTIVES |= {"boundscheck": True, "wraparound": False, "initializedcheck": True}


# Flags of GCC and Clang for each sanitizer.  Python's own flags define the overflow of integers.
# We do not rely on it, so -fno-wrapv undoes that.  With more than -O1 a build would take an hour.
SANITIZERS = {
    "address": [
        "-fsanitize=address,undefined,float-cast-overflow",
        "-fno-sanitize-recover=all",
        "-fno-wrapv",
    ],
    "thread": ["-fsanitize=thread"],
}
SANITIZE = os.environ.get("SKLEARN_SET_SANITIZE")
if SANITIZE and SANITIZE not in SANITIZERS:
    raise RuntimeError(f"SKLEARN_SET_SANITIZE must be one of {list(SANITIZERS)}. Got {SANITIZE!r}.")


def tell(what):
    """Say what is done.  Or there would be minutes of silence, which look like a fault."""
    print(f"sklearn_set: {what}", file=sys.stderr, flush=True)


def variants():
    """The variants of this machine's architecture; elsewhere the baseline is all there is."""
    is_x86 = platform.machine().lower() in ("x86_64", "amd64") and sys.platform != "win32"
    return X86_VARIANTS if is_x86 and not DEBUG else {"baseline": []}


def extensions():
    headers = sorted(
        str(path) for pattern in ("*.h", "*.pxd", "*.pxi") for path in CORE.glob(pattern)
    )
    plain = [("SKLEARN_SET_PLAIN", "1")] if os.environ.get("SKLEARN_SET_PLAIN") == "1" else []
    yield Extension("sklearn_set._core.system", [str(CORE / "system.pyx")], depends=headers)
    for name in (
        "connections",
        "directions",
        "draws",
        "measured",
        "mixture",
        "products",
        "pruning",
    ):
        yield Extension(f"sklearn_set._core.{name}", [str(CORE / f"{name}.pyx")])
    for variant, flags in variants().items():
        for real, bits in REAL_BITS.items():
            name = f"step_{variant}_{real}"
            yield Extension(
                f"sklearn_set._core.{name}",
                [str(CORE / f"{name}.pyx")],
                depends=headers,
                include_dirs=[str(CORE)],
                define_macros=[("REAL_BITS", bits), *plain],
                extra_compile_args=list(flags),
            )


OPENMP_PROBE = """
    #include <omp.h>
    #include <stdio.h>
    int main(void) {
        int n = 0;
        #pragma omp parallel reduction(+:n)
        n += 1;
        printf("%d", omp_get_max_threads());
        return n == 0;
    }
"""

NO_VARIANT = """
    sklearn_set: this compiler does not know {flags}; the kernel variant {name} is left out.
"""

NO_OPENMP = """
    ************************************************************************
    sklearn_set is being built WITHOUT OpenMP: no program compiled and linked
    with {tried}.
    Training and prediction will use ONE thread, whatever n_jobs says.
    On macOS install libomp (brew install libomp) and set CPPFLAGS and LDFLAGS.
    ************************************************************************
"""


class BuildKernels(build_ext):
    """build_ext with the flags that depend on the compiler: optimisation and OpenMP."""

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        # No -ffast-math, ever: it would change arithmetic for the whole process.  The two -fno-
        # flags give up nothing but errno and floating-point traps.  Functions begin with a cache
        # line: else a short loop is a tenth faster or slower by what is compiled before it.
        common = ["/O2", "/std:c11"] if msvc else ["-O3", "-fno-math-errno", "-fno-trapping-math"]
        if not msvc:
            common += ["-falign-functions=64", "-Wno-psabi", "-g0"]
        openmp = self.find_openmp(msvc)
        watched = SANITIZERS.get(SANITIZE, [])
        if watched:
            common += ["-O1", "-g1", "-fno-omit-frame-pointer", *watched]
        self.extensions = [
            extension
            for extension in self.extensions
            if not extension.extra_compile_args or self.knows(extension)
        ]
        for extension in self.extensions:
            extension.extra_compile_args = [*common, *openmp, *extension.extra_compile_args]
            extension.extra_link_args = [*openmp, *watched] if not msvc else []
        if self.parallel is None:
            self.parallel = min(4, os.cpu_count() or 1)
        tell(f"compiling the kernels, {len(self.extensions)} modules: two to five minutes ...")
        super().build_extensions()

    def build_extension(self, extension):
        super().build_extension(extension)
        tell(f"{extension.name.rpartition('.')[2]} is compiled")

    def knows(self, extension):
        """Whether the compiler knows a variant's flags; older ones lack x86-64-v3 and -v4."""
        flags = extension.extra_compile_args
        known = self.links("int main(void) { return 0; }", flags)
        if not known:
            message = NO_VARIANT.format(flags=" ".join(flags), name=extension.name)
            print(textwrap.dedent(message), file=sys.stderr, flush=True)
        return known

    def find_openmp(self, msvc):
        wanted = os.environ.get("SKLEARN_SET_OPENMP")
        if wanted == "0":
            return []
        if msvc:
            candidates = [["/openmp"]]
        elif sys.platform == "darwin":
            candidates = [["-Xpreprocessor", "-fopenmp", "-lomp"], ["-fopenmp"]]
        else:
            candidates = [["-fopenmp"]]
        for flags in candidates:
            if self.links(OPENMP_PROBE, flags):
                return flags
        message = textwrap.dedent(NO_OPENMP).format(tried=" or ".join(map(" ".join, candidates)))
        if wanted == "1":
            raise RuntimeError(message)
        print(message, file=sys.stderr, flush=True)
        return []

    def links(self, source, flags):
        """Whether a program compiles and links with the flags."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probe.c"
            path.write_text(textwrap.dedent(source))
            try:
                objects = self.compiler.compile(
                    [str(path)], output_dir=folder, extra_postargs=list(flags)
                )
                self.compiler.link_executable(
                    objects, str(Path(folder) / "probe"), extra_postargs=list(flags)
                )
            except Exception:  # distutils' compilers raise errors of their own, all of them final
                return False
        return True


class SourceDistribution(sdist):
    """sdist with what tests and documentation need; a MANIFEST.in would say the same."""

    def make_distribution(self):
        for folder in ("tests", "doc", ".github"):
            self.filelist.graft(folder)
        sources = [f"{CORE.as_posix()}/*.{kind}" for kind in ("pyx", "pxd", "pxi", "h")]
        for name in ("Makefile", ".*.yaml", *sources):
            self.filelist.include(name)
        for made in ("doc/_build", "doc/auto_examples", "doc/generated"):
            self.filelist.prune(made)
        for unwanted in ("*.py[cod]", "reference_tables.rst"):
            self.filelist.global_exclude(unwanted)
        super().make_distribution()


def compiled():
    """The extensions, translated to C; not needed for an sdist, for metadata or for .py files."""
    without = ("sdist", "egg_info", "dist_info", "build_py", "clean")
    if any(command in sys.argv for command in without):
        return []
    from Cython.Build import cythonize

    tell("translating Cython to C: a minute at most ...")
    return cythonize(
        list(extensions()),
        compiler_directives=DIRECTIVES,
        annotate=DEBUG,
        show_all_warnings=False,
    )


SITE = "https://sklearn-set.readthedocs.io/en/latest"


def description():
    """README.md for a package index: pages of doc/ are those of the site, as are its pictures.

    Links to other files become text, and those of the line below the title go.
    """

    def elsewhere(match):
        text, page, anchor = match.groups()
        return f"[{text}]({SITE}/{page}.html{anchor or ''})" if page else text

    readme = Path("README.md").read_text(encoding="utf-8")
    readme = readme.replace("](doc/_static/", f"]({SITE}/_static/")
    readme = re.sub(r" ·\s\[[^\]]+\]\((?!https?:|doc/)[^)]+\)", "", readme)
    to_files = r"\[([^\]]+)\]\((?!https?:|#)(?:doc/([\w/]+)\.md(#[\w-]+)?|[^)]+)\)"
    return re.sub(to_files, elsewhere, readme)


setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    ext_modules=compiled(),
    cmdclass={"build_ext": BuildKernels, "sdist": SourceDistribution},
)
