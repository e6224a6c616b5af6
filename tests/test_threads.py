"""How many threads there are, and what happens where there cannot be as many."""

import os
import re
import sys
import threading

import joblib
import numpy as np
import pytest
from conftest import serial_work
from processes import python

from sklearn_set import machine
from sklearn_set._core import system

needs_openmp = pytest.mark.skipif(
    system.openmp_version() == 0, reason="a build without OpenMP has one thread"
)

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


# Enough work for threads to be woken, also by a prediction.
LARGE_FIT = """
    import sys
    import threading
    import warnings
    import numpy as np
    from sklearn_set import SETClassifier, machine, memory
    from sklearn_set.network import threads_pay

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 2000)).astype(np.float32), np.arange(64) % 2

    def fitted(n_jobs):
        model = SETClassifier((400,), epsilon=10, batch_size=64, max_iter=3, random_state=0,
                              n_iter_no_change=np.inf, n_jobs=n_jobs)
        network = model.fit(X, y)._network
        assert network.layers[0].topology.n_connections * (64 + 16) > SERIAL_WORK
        assert threads_pay([network], 640)
        return model.predict_proba(np.tile(X, (10, 1)))
"""
LARGE_FIT = LARGE_FIT.replace("SERIAL_WORK", str(serial_work()))


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


@pytest.mark.skipif(machine.n_processors() < 2, reason="BLAS has one thread on one processor")
def test_one_thread_is_one_thread():
    """No fit wakes the threads of BLAS: they would wait busily, and their number change sums."""
    printed = python(
        """
    import os

    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ.pop(name, None)

    import time
    import warnings

    import numpy as np
    from threadpoolctl import threadpool_limits

    from sklearn_set import SETClassifier, SETRegressor
    from sklearn_set.feature_selection import SETSelector

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    wide, long = rng.standard_normal((60, 2000)), rng.standard_normal((20_000, 9))
    labels = np.arange(60) % 2
    few = {"n_jobs": 1, "random_state": 0, "max_iter": 4}

    def others():
        return time.process_time() - time.thread_time()

    def used(model, *data):
        began, mine = others(), time.thread_time()
        model.fit(*data)
        mine = time.thread_time() - mine
        return (others() - began) / mine

    models = [
        (SETClassifier(**few | {"max_iter": 20}), wide, labels),
        (SETClassifier(early_stopping=True, **few), wide, labels),
        (SETRegressor(input_dropout=0.2, batch_size=1000, **few), long, long[:, :3]),
        (SETRegressor(feature_search=True, **few), wide, wide[:, 0]),
        (SETSelector(n_networks=2, **few), wide, labels),
        (SETSelector(n_networks=2, unsupervised=True, **few), wide),
    ]
    print(*(used(*case) for case in models))
    curves = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="blas"):
            curves += [[model.fit(*data).loss_curve_ for model, *data in models[:4]]]
    print(curves[0] == curves[1])
    """
    )
    shares, same = printed.split("\n")
    assert max(map(float, shares.split())) < 0.05, shares
    assert same == "True"


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
