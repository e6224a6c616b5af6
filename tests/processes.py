"""Python in processes of its own, for tests of the machine."""

import os
import subprocess
import sys
import textwrap

from sklearn_set import machine


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
