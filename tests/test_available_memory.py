"""How much memory is available: of the machine, of control groups, of the address space."""

import os
import sys

import pytest

from sklearn_set import memory

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
