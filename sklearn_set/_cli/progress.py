"""Progress on standard error: a bar of tqdm where it is installed, else a line now and then.

Knows numbers of steps; must not know what they are.
"""

import sys
import time

_SECONDS_BETWEEN_LINES = 5


def shown(steps, n_steps, name_of):
    """Yield each of the steps, and show how many there have been."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield from _with_lines(steps, n_steps, name_of)
        return
    # Closed by hand: an interrupt must leave the line to what is said next.
    with tqdm(total=n_steps, file=sys.stderr, unit="fit", dynamic_ncols=True, leave=False) as bar:
        for step in steps:
            bar.set_postfix_str(name_of(step), refresh=False)
            bar.update()
            yield step


def _with_lines(steps, n_steps, name_of):
    began = last = time.monotonic()
    for number, step in enumerate(steps, 1):
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES or number == n_steps:
            last = now
            sys.stderr.write(
                f"{number} of {n_steps} fits, {now - began:.0f} s, last: {name_of(step)}\n"
            )
            sys.stderr.flush()
        yield step
