"""What is installed runs on every processor that it is meant for.

The compiled modules are taken apart by objdump, wherever they were built.  Modules that every
processor loads may use what x86-64-v2 has (SSE4.2, none of AVX); only the kernels that machine.py
chooses by the features of the processor may use more.
"""

import functools
import importlib.util
import platform
import re
import shutil
import subprocess
import sys

import pytest

from sklearn_set import machine

if platform.machine().lower() not in ("x86_64", "amd64") or sys.platform == "win32":
    pytest.skip("the baseline is all there is here", allow_module_level=True)

KERNELS = [f"step_{variant}_{real}" for variant in machine.VARIANTS for real in ("f32", "f64")]
FOR_ALL = [
    "connections",
    "measured",
    "products",
    "pruning",
    "system",
    "step_baseline_f32",
    "step_baseline_f64",
]

needs_objdump = pytest.mark.skipif(
    shutil.which("objdump") is None, reason="needs objdump, of the GNU binutils"
)

# Beyond x86-64-v2: AVX, AVX2, FMA and F16C (all and only their names begin with v, but for two
# ancient ones), BMI1 and BMI2, LZCNT and MOVBE.  TZCNT is not in the list: compilers write it for
# any processor, since older ones read BSF, which gives the same where it is used.
BEYOND_V2 = re.compile(
    r"(?!ver[rw]\b)v[a-z0-9]+|andn|bextr|blsi|blsr|blsmsk|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx"
    r"|lzcnt|movbe"
)
# Registers that AVX and AVX-512 brought; an instruction that needs AVX-512 beyond them is rare.
REGISTERS_OF_AVX = re.compile(r"%ymm\d|%zmm\d|%k[0-7]\b")
REGISTERS_OF_AVX512 = re.compile(r"%zmm\d|%k[0-7]\b|%[xy]mm(?:1[6-9]|2\d|3[01])\b")


def path_of(module):
    spec = importlib.util.find_spec(f"sklearn_set._core.{module}")
    return spec and spec.origin


@functools.cache
def instructions(module):
    """(mnemonic, operands) of every instruction of a compiled module."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-M", "att", path_of(module)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    pattern = r"^ +[0-9a-f]+:\t(?:(?:rep\w*|lock|bnd|data16) )*(\S+) *(.*)$"
    found = re.findall(pattern, listing, re.MULTILINE)
    assert len(found) > 1000, "the listing was not understood"
    return found


def beyond_v2(module):
    return sorted(
        {
            f"{name} {operands}"
            for name, operands in instructions(module)
            if BEYOND_V2.fullmatch(name) or REGISTERS_OF_AVX.search(operands)
        }
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_variant_was_compiled(kernel):
    assert path_of(kernel) is not None


@needs_objdump
@pytest.mark.parametrize("module", FOR_ALL)
def test_what_every_processor_loads_needs_no_more_than_the_second_level(module):
    assert beyond_v2(module)[:9] == []


@needs_objdump
@pytest.mark.parametrize("real", ["f32", "f64"])
def test_the_third_level_needs_no_avx512(real):
    module = f"step_x86_v3_{real}"
    found = {
        f"{name} {operands}"
        for name, operands in instructions(module)
        if REGISTERS_OF_AVX512.search(operands)
    }
    assert sorted(found)[:9] == []


@needs_objdump
@pytest.mark.parametrize("real", ["f32", "f64"])
def test_the_better_kernels_are_found_out(real):
    # Or the tests above would find nothing anywhere.
    third, fourth = (instructions(f"step_x86_{level}_{real}") for level in ("v3", "v4"))
    assert any(name.startswith("vfmadd") and "%ymm" in operands for name, operands in third)
    assert any(REGISTERS_OF_AVX512.search(operands) for _, operands in fourth)
    assert len(beyond_v2(f"step_x86_v3_{real}")) > 100
