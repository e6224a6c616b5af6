"""The right kernels are loaded, the right number of threads is used, memory is counted right.

Processes that are forked, workers of joblib, environment variables: whatever needs an interpreter
of its own gets one, so that pytest's own process neither forks nor changes its environment.
"""

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
import threading

import joblib
import numpy as np
import pytest
from conftest import serial_work

import sklearn_set
from sklearn_set import machine, memory
from sklearn_set._core import measured, system

needs_openmp = pytest.mark.skipif(
    system.openmp_version() == 0, reason="a build without OpenMP has one thread"
)


def python(script, timeout=60, **environment):
    """Run a script in a fresh interpreter; return what it prints, or fail with what went wrong."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in (machine.VARIANT_VARIABLE, "OMP_NUM_THREADS")
    }
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


# --------------------------------------------------------------------------------- threads


@needs_openmp
@pytest.mark.parametrize(
    ("n_jobs", "expected"),
    [(1, 1), (3, 3), (64, 64), (-1, 8), (-2, 7), (-8, 1), (-9, 1), (-100, 1)],
)
def test_threads_of_a_number(monkeypatch, n_jobs, expected):
    """In a container that may use eight of many: -1 is all of them, a positive number itself."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.setattr(machine, "n_processors", lambda: 64)
    assert machine.effective_n_threads(n_jobs) == expected


@needs_openmp
@pytest.mark.parametrize(
    ("openmp", "cpus", "variable", "expected"),
    [
        (8, 4, None, 4),  # a container that may use four of eight processors
        (4, 8, None, 4),  # limited by threadpoolctl
        (1, 8, None, 1),
        (16, 4, "16", 16),  # the user has said so
        (2, 4, "2", 2),
    ],
)
def test_threads_of_none(monkeypatch, openmp, cpus, variable, expected):
    monkeypatch.setattr(system, "openmp_max_threads", lambda: openmp)
    monkeypatch.setattr(joblib, "cpu_count", lambda: cpus)
    monkeypatch.setattr(machine, "n_processors", lambda: 16)
    if variable is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert machine.effective_n_threads() == machine.effective_n_threads(None) == expected


@pytest.mark.parametrize("n_jobs", [None, 1, 4, -1])
def test_one_thread_without_openmp_and_after_a_fork(monkeypatch, n_jobs):
    with monkeypatch.context() as patch:
        patch.setattr(system, "openmp_version", lambda: 0)
        assert machine.effective_n_threads(n_jobs) == 1
    monkeypatch.setattr(machine, "_forked", True)
    assert machine.effective_n_threads(n_jobs) == 1


@pytest.mark.slow
@needs_openmp
def test_environment_variable_of_openmp():
    """OpenMP reads it once; three more than joblib counts, so that it is no coincidence."""
    n_threads = joblib.cpu_count() + 3
    printed = python(
        """
        from sklearn_set import machine
        machine.n_processors = lambda: 1000
        print(machine.effective_n_threads(), machine.effective_n_threads(2))
        """,
        OMP_NUM_THREADS=str(n_threads),
    )
    assert printed == f"{n_threads} 2"


TOO_MANY = "{}={} asks for more threads than there are processors: 4 will be used. Lower {}."


@needs_openmp
@pytest.mark.parametrize(
    "n_jobs",
    [5, 100_000, 2**31, 2**63 - 1, np.int64(99), 10**400, pytest.param(10**9999, id="huge")],
)
def test_no_more_threads_than_processors(monkeypatch, n_jobs):
    """However large the number, and whether or not Python would print it."""
    monkeypatch.setattr(machine, "n_processors", lambda: 4)
    asked = n_jobs if n_jobs < 2**63 else "a number beyond 64 bits"
    message = TOO_MANY.format("n_jobs", asked, "n_jobs")
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        n_threads = machine.effective_n_threads(n_jobs)
    assert (n_threads, type(n_threads), len(caught)) == (4, int, 1)
    assert machine.effective_n_threads(-n_jobs) == max(1, joblib.cpu_count() + 1 - n_jobs)


@needs_openmp
def test_no_more_threads_than_processors_by_the_variable(monkeypatch):
    monkeypatch.setattr(machine, "n_processors", lambda: 4)
    monkeypatch.setattr(system, "openmp_max_threads", lambda: 99_999)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert machine.effective_n_threads() == 3  # the limit of threadpoolctl asks for nothing
    monkeypatch.setenv("OMP_NUM_THREADS", "99999")
    message = TOO_MANY.format("OMP_NUM_THREADS", 99_999, "OMP_NUM_THREADS")
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
        assert machine.effective_n_threads() == 4


def test_processors_are_those_of_the_system(monkeypatch):
    monkeypatch.undo()  # conftest's eight
    assert machine.n_processors() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.n_processors() == 1


# Enough work for threads to be woken, and half as many samples again to predict.
LARGE_FIT = """
    import sys
    import threading
    import warnings
    import numpy as np
    from sklearn_set import SETClassifier, machine, memory

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 2000)).astype(np.float32), np.arange(64) % 2

    def fitted(n_jobs):
        model = SETClassifier((400,), epsilon=10, batch_size=64, max_iter=3, random_state=0,
                              n_iter_no_change=np.inf, n_jobs=n_jobs)
        network = model.fit(X, y)._network
        assert network.layers[0].topology.n_connections * (64 + 16) > SERIAL_WORK
        assert network.n_connections * 64 > SERIAL_PREDICTION
        return model.predict_proba(X)
"""
LARGE_FIT = LARGE_FIT.replace("SERIAL_WORK", str(serial_work()))
LARGE_FIT = LARGE_FIT.replace("SERIAL_PREDICTION", str(measured.SERIAL_PREDICTION))


@pytest.mark.slow
@needs_openmp
@pytest.mark.parametrize("n_jobs", [2**31, 100_000, None])
def test_a_fit_with_absurdly_many_threads(n_jobs):
    """In a process of its own: these ended it."""
    printed = python(
        LARGE_FIT
        + f"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        many = fitted({n_jobs})
    assert {{str(w.message).split("=")[0] for w in caught}} == {{
        "n_jobs" if {n_jobs} else "OMP_NUM_THREADS"}}, caught
    np.testing.assert_array_equal(many, fitted(1))
    print("alive")
    """,
        OMP_NUM_THREADS="99999",
    )
    assert printed == "alive"


LIMITED = (
    LARGE_FIT
    + """
    import resource

    machine.n_processors = lambda: 500
    expected = fitted(1)
    LIMIT

    def check():
        for _ in range(2):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                np.testing.assert_array_equal(fitted(500), expected)
            messages = {str(w.message) for w in caught}
            assert len(messages) == 1, messages
            words = messages.pop().split()
            assert words[:5] == ["n_jobs", "asks", "for", "500", "threads,"], words
            assert "n_jobs," in words and "(ulimit" in words, words
            used.append(int(words[words.index("process:") + 1]))

    used = []
    check()
    user = threading.Thread(target=check)
    user.start()
    user.join()
    assert len(used) == 4 and all(1 <= n < 500 for n in used), used
    assert used[0] == used[1] and used[2] == used[3]
    print("alive")
"""
)


@pytest.mark.slow
@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize("room", [200, 600])
def test_threads_that_the_memory_has_no_room_for(room):
    """Stacks are of eight megabytes: OpenMP would end the process."""
    limit = f"""
    threading.stack_size(1 << 18)
    used = memory._numbers(memory._PROC / "self" / "status")["VmSize"] * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + ({room} << 20),) * 2)
    """
    assert python(LIMITED.replace("    LIMIT\n", limit)) == "alive"


@pytest.mark.slow
@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="limits threads as Linux does")
def test_threads_that_the_user_may_not_start():
    """The limit does not bind the superuser, who becomes nobody first."""
    limit = """
    import os

    if os.getuid() == 0:
        try:
            os.setuid(65534)
        except OSError:
            sys.exit(print("nobody else"))
    used = 0
    for process in memory._PROC.glob("[0-9]*"):
        try:
            used += process.stat().st_uid == os.getuid() and len(os.listdir(process / "task"))
        except OSError:  # it has ended
            pass
    resource.setrlimit(resource.RLIMIT_NPROC, (used + 30,) * 2)
    """
    printed = python(LIMITED.replace("    LIMIT\n", limit))
    if printed == "nobody else":
        pytest.skip("the superuser cannot become anybody else here")
    assert printed == "alive"


@pytest.mark.slow
@needs_openmp
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux does")
def test_threads_that_were_started_stay():
    """OpenMP would have to start those again that a loop does without, when memory may be gone."""
    printed = python(
        LARGE_FIT
        + """
    from sklearn_set import SETRegressor

    machine.n_processors = lambda: 8
    before = len(list((memory._PROC / "self" / "task").iterdir()))
    counts, real = set(), machine.kernels("float32").Stepper

    class Counting(real):
        def step(self, *args):
            counts.add(len(list((memory._PROC / "self" / "task").iterdir())) - before)
            return real.step(self, *args)

    machine.kernels("float32").Stepper = Counting
    warnings.simplefilter("ignore")
    for growth in ("random", "guided"):
        for batch_size in (8, 64):
            # fewer outputs than threads
            SETRegressor((1500, 3, 900), epsilon=20, batch_size=batch_size, max_iter=3,
                         growth=growth, n_jobs=8).fit(X, X[:, 0])
    print(sorted(counts))
    """
    )
    assert printed == "[7]"


@needs_openmp
def test_more_threads_are_asked_for_once(monkeypatch):
    """For each thread of the user: twice as many as it lacks, and eight."""
    asked = []
    monkeypatch.setattr(machine, "_here", threading.local())
    monkeypatch.setattr(system, "grantable_threads", lambda n: asked.append(n) or n)
    monkeypatch.setattr(system, "start_threads", lambda n: None)

    def ask():
        for n_jobs in (1, 3, 3, 2, 8, 8):
            assert machine.effective_n_threads(n_jobs) == n_jobs

    ask()
    user = threading.Thread(target=ask)
    user.start()
    user.join()
    assert asked == [12, 20] * 2


@needs_openmp
def test_half_of_what_is_left_is_taken(monkeypatch):
    """And it stays so: what is left then is for the data."""
    monkeypatch.setattr(machine, "_here", threading.local())
    started = []
    monkeypatch.setattr(system, "start_threads", started.append)
    assert machine.effective_n_threads(2) == 2
    monkeypatch.setattr(system, "grantable_threads", lambda n: 11)  # of which eight stay free
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"n_jobs asks for 8 threads, .* 3 will be used\."):
            assert machine.effective_n_threads(8) == 3
    assert [machine.effective_n_threads(n) for n in (1, 2, 3)] == [1, 2, 3]
    assert started == [2, 3, 3]


@needs_openmp
@pytest.mark.parametrize("granted", [0, 7, 8, 9])
def test_threads_that_are_just_granted_are_not_started(granted, monkeypatch):
    """The C library may take their memory between the question and the start."""
    monkeypatch.setattr(machine, "_here", threading.local())
    started = []
    monkeypatch.setattr(system, "start_threads", started.append)
    monkeypatch.setattr(system, "grantable_threads", lambda n: granted)
    with pytest.warns(UserWarning, match=r"n_jobs asks for 2 threads, .* 1 will be used\."):
        assert machine.effective_n_threads(2) == 1
    assert set(started) <= {1}


@pytest.mark.slow
@needs_openmp
def test_one_thread_inside_a_worker_of_joblib():
    """With a worker per processor, loky leaves one thread to each; n_jobs still has its word."""
    printed = python(
        """
        import joblib
        from sklearn_set import machine

        n_workers = max(2, joblib.cpu_count())
        workers = joblib.Parallel(n_jobs=n_workers, backend="loky")
        print(*workers(joblib.delayed(machine.effective_n_threads)(n) for n in (None, None, 2)))
        """
    )
    assert printed == "1 1 2"


# ----------------------------------------------------------------------------------- forks


@pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform == "darwin",
    reason="this system does not fork, or its own libraries do not survive it",
)
def test_fit_after_fit_in_a_forked_child():
    """libgomp's threads do not survive a fork: a child that asked for them would wait for ever.

    The parent has used threads before and after; the child uses one, and gets the same model.
    """
    printed = python(
        """
        import multiprocessing
        import sys
        import warnings
        import numpy as np
        from sklearn_set import SETClassifier, machine, memory

        # Newer Pythons warn of just this: a fork of a process with threads.
        warnings.simplefilter("ignore")
        machine.n_processors = lambda: 8
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(64, 2000)).astype(np.float32), np.arange(64) % 2

        def fitted():
            model = SETClassifier((400,), epsilon=10, batch_size=64, max_iter=2, random_state=0,
                                  n_jobs=2)
            network = model.fit(X, y)._network
            # enough work for threads to be woken
            assert network.layers[0].topology.n_connections * (64 + 16) > SERIAL_WORK
            return model.predict_proba(X)

        def child(queue):
            queue.put((machine.effective_n_threads(4), machine.effective_n_threads(), fitted()))

        before = fitted()
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        process = context.Process(target=child, args=(queue,), daemon=True)
        process.start()
        process.join(30)
        if process.exitcode is None:
            process.kill()
            sys.exit("the child hangs")
        assert process.exitcode == 0
        *threads, inside = queue.get()
        np.testing.assert_array_equal(inside, before)
        np.testing.assert_array_equal(fitted(), before)
        print(*threads, machine.effective_n_threads(4))
        """.replace("SERIAL_WORK", str(serial_work()))
    )
    assert printed == f"1 1 {1 if system.openmp_version() == 0 else 4}"


# -------------------------------------------------------------------------------- variants


def test_variants_of_this_machine():
    """The baseline runs everywhere and comes last; each variant brings both number types."""
    available = machine.available_variants()
    assert available == [name for name in machine.VARIANTS if name in available]
    assert available[-1] == "baseline"
    features = system.cpu_features()
    assert all(features[needed] for needed in map(machine.VARIANTS.get, available) if needed)
    modules = {
        machine.kernels(dtype, variant) for variant in available for dtype in ("float32", "float64")
    }
    assert len(modules) == 2 * len(available)
    for dtype in ("float32", "float64"):
        active = machine.kernels(dtype)
        assert active is machine.kernels(dtype, machine.active_variant())
        assert dtype == active.REAL_DTYPE
        assert active.N_LANES >= machine.kernels(dtype, "baseline").N_LANES


@pytest.mark.parametrize(
    ("v3", "v4", "expected"),
    [
        (False, False, ["baseline"]),
        (True, False, ["x86_v3", "baseline"]),
        (True, True, ["x86_v4", "x86_v3", "baseline"]),
    ],
)
def test_processors_get_what_they_can_run(monkeypatch, v3, v4, expected):
    """Of a complete build, whatever has been built here."""
    monkeypatch.setattr(system, "cpu_features", lambda: {"x86_v3": v3, "x86_v4": v4})
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: object())
        assert machine.available_variants() == expected


def test_a_variant_that_was_not_built_is_not_offered(monkeypatch):
    monkeypatch.setattr(system, "cpu_features", lambda: {"x86_v3": True, "x86_v4": True})
    monkeypatch.setitem(machine.VARIANTS, "unbuilt", None)
    assert "unbuilt" not in machine.available_variants()


@pytest.mark.slow
def test_variable_forces_a_variant():
    printed = python(
        """
        from sklearn_set import machine
        print(machine.active_variant(), machine.kernels("float32").__name__)
        """,
        SKLEARN_SET_VARIANT="baseline",
    )
    assert printed == "baseline sklearn_set._core.step_baseline_f32"


@pytest.mark.parametrize("name", ["x86_v9", "Baseline", "f32"])
def test_variable_with_a_wrong_name(monkeypatch, name):
    """The message names the variable, what it says and what it may say."""
    monkeypatch.setenv("SKLEARN_SET_VARIANT", name)
    message = (
        f"SKLEARN_SET_VARIANT={name} names a kernel variant that cannot be used here; "
        f"available are .*baseline"
    )
    with pytest.raises(ImportError, match=message):
        machine.active_variant.__wrapped__()


@pytest.mark.slow
def test_wrong_name_stops_a_user():
    """In an interpreter of its own, as a user meets it: at the first fit."""
    printed = python(
        """
        import numpy as np
        from sklearn_set import SETRegressor
        try:
            SETRegressor((4,), max_iter=1).fit(np.eye(3), np.arange(3.0))
        except ImportError as error:
            print(error)
        """,
        SKLEARN_SET_VARIANT="x86_v9",
    )
    assert printed.startswith("SKLEARN_SET_VARIANT=x86_v9 names a kernel variant")


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_the_best_is_used(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("SKLEARN_SET_VARIANT", raising=False)
    else:
        monkeypatch.setenv("SKLEARN_SET_VARIANT", value)
    assert machine.active_variant.__wrapped__() == machine.available_variants()[0]


def test_a_build_without_kernels_says_so(monkeypatch):
    monkeypatch.setattr(machine, "available_variants", list)
    with pytest.raises(ImportError, match="without its kernels; please reinstall"):
        machine.active_variant.__wrapped__()


# ---------------------------------------------------------------------------------- memory

GIB = 2**30


@pytest.fixture
def limits(monkeypatch, tmp_path):
    """A machine of which nothing is known, and a function that writes what its system tells."""
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "sys")
    monkeypatch.setattr(memory, "resource", None)
    monkeypatch.delattr(os, "sysconf", raising=False)

    def write(files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    return write


def meminfo(available, swap=0):
    return (
        f"MemTotal:       {99 * 2**20} kB\nMemAvailable:   {available // 1024} kB\n"
        f"SwapFree:       {swap // 1024} kB\nHugePages_Total:       0"
    )


# version 2: what the files say -> what is left, on a machine with 20 GiB and 2 GiB of swap
GROUPS = {
    "no limit": ({"sys/a/b/memory.max": "max", "sys/a/b/memory.current": 5 * GIB}, 22),
    "a limit": (
        {
            "sys/a/b/memory.max": 8 * GIB,
            "sys/a/b/memory.current": 5 * GIB,
            "sys/a/b/memory.stat": f"anon 7\nactive_file {GIB}\ninactive_file {GIB}",
            "sys/a/b/memory.swap.max": 0,
            "sys/a/b/memory.swap.current": 0,
        },
        5,
    ),
    "a limit that may swap": (
        {"sys/a/b/memory.max": 8 * GIB, "sys/a/b/memory.current": 5 * GIB},
        5,
    ),
    "a limit above": (
        {
            "sys/a/b/memory.max": 8 * GIB,
            "sys/a/b/memory.current": 0,
            "sys/a/memory.max": 4 * GIB,
            "sys/a/memory.current": 3 * GIB,
            "sys/a/memory.swap.max": GIB,
            "sys/a/memory.swap.current": GIB // 2,
        },
        1.5,
    ),
    "seen from inside a container": (
        {"sys/memory.max": 4 * GIB, "sys/memory.current": GIB, "sys/memory.swap.max": 0},
        3,
    ),
    "above the limit": (
        {"sys/a/memory.max": GIB, "sys/a/memory.current": 4 * GIB, "sys/a/memory.swap.max": 0},
        0,
    ),
}


@pytest.mark.parametrize("case", GROUPS)
def test_memory_of_control_groups(limits, case):
    files, expected = GROUPS[case]
    limits({"proc/meminfo": meminfo(20 * GIB, 2 * GIB), "proc/self/cgroup": "0::/a/b"} | files)
    assert memory.available_memory() == expected * GIB


def test_memory_of_control_groups_of_version_1(limits):
    limits(
        {
            "proc/meminfo": meminfo(20 * GIB, 2 * GIB),
            "proc/self/cgroup": "5:cpuset:/\n4:memory:/a\n0::/",
            "sys/memory/memory.limit_in_bytes": 2**63 - 4096,
            "sys/memory/memory.usage_in_bytes": 30 * GIB,
        }
    )
    assert memory.available_memory() == 22 * GIB
    group = {
        "sys/memory/a/memory.limit_in_bytes": 6 * GIB,
        "sys/memory/a/memory.usage_in_bytes": 5 * GIB,
        "sys/memory/a/memory.stat": f"active_file 7\ntotal_inactive_file {GIB}",
    }
    limits(group)
    assert memory.available_memory() == 4 * GIB
    limits(
        {
            "sys/memory/a/memory.memsw.limit_in_bytes": 6 * GIB,
            "sys/memory/a/memory.memsw.usage_in_bytes": 5 * GIB,
        }
    )
    assert memory.available_memory() == 2 * GIB


def test_memory_within_the_address_space(limits, monkeypatch):
    class Resource:
        RLIMIT_AS, RLIM_INFINITY = 9, -1
        limit = -1

        @classmethod
        def getrlimit(cls, which):
            assert which == cls.RLIMIT_AS
            return cls.limit, -1

    monkeypatch.setattr(memory, "resource", Resource)
    limits({"proc/meminfo": meminfo(20 * GIB), "proc/self/status": "VmPeak: 9 kB\nVmSize: 1024 kB"})
    assert memory.available_memory() == 20 * GIB
    Resource.limit = 3 * GIB
    assert memory.available_memory() == 3 * GIB - 2**20


def test_memory_elsewhere(limits, monkeypatch):
    """Without /proc all physical memory counts; without os.sysconf nothing is known."""
    assert memory.available_memory() is None
    answers = {"SC_PHYS_PAGES": 2**22, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", answers.__getitem__, raising=False)
    assert memory.available_memory() == 16 * GIB
    answers["SC_PHYS_PAGES"] = -1
    assert memory.available_memory() is None


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_memory_of_this_machine():
    available = memory.available_memory()
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    swap = memory._numbers(memory._PROC / "meminfo")["SwapTotal"] * 1024
    assert 0 < available <= physical + swap


# -------------------------------------------------------------------------------- versions


def test_show_versions(capsys):
    """What a report of a problem needs: versions, variant, OpenMP, threads."""
    sklearn_set.show_versions()
    lines = capsys.readouterr().out.splitlines()
    shown = dict(map(str.strip, line.split(":", 1)) for line in lines)
    assert shown["sklearn_set"] == sklearn_set.__version__
    for package in ("scikit-learn", "numpy", "scipy", "joblib"):
        assert shown[package] == machine.metadata.version(package)
    assert shown["kernel variant"] == machine.active_variant()
    assert shown["variants here"].split(", ") == machine.available_variants()
    assert shown["threads"] == str(machine.effective_n_threads())
    date = system.openmp_version()
    assert shown["OpenMP"] == (str(date) if date else "not compiled in: one thread")
    assert date == 0 or date > 200_000


def test_show_versions_of_a_build_without_openmp(monkeypatch, capsys):
    monkeypatch.setattr(system, "openmp_version", lambda: 0)
    machine.show_versions()
    assert "OpenMP: not compiled in: one thread" in capsys.readouterr().out
