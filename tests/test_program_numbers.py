"""What the program takes for raw numbers where a few columns are unlike the others."""

import numpy as np
import pandas as pd
import pytest
from user_files import LABELS, csv_text, understood

LOGS = np.random.default_rng(5).uniform(4, 12, (60, 40)).round(3)
COUNTS = np.random.default_rng(5).poisson(np.geomspace(0.1, 400, 40), (60, 40)) * 1.0
TPM = np.random.default_rng(5).lognormal(np.linspace(-2, 4, 40), 0.3, (60, 40))
AGE, HEIGHT, BMI = np.linspace(30, 79, 60).round(), np.linspace(150, 193.5, 60), 22 + LOGS[:, 0]
PLATELETS = np.linspace(90, 480, 60)


def study_of(frame, folder):
    path = folder / "a.csv"
    path.write_text(csv_text(frame), encoding="utf-8")
    return understood(path)


@pytest.mark.parametrize(
    ("values", "columns", "odd", "kind"),
    [
        (LOGS, {"a": AGE}, "is 'a' (30 to 79),", "logarithms"),
        (LOGS[:, :5], {"a": AGE}, "is 'a' (30 to 79),", "logarithms"),
        (LOGS[:, :10], {"a": AGE, "h": HEIGHT}, "are 'a' (30 to 79), 'h' (", "logarithms"),
        (
            LOGS,
            {"a": AGE, "h": HEIGHT, "p": PLATELETS, "b": BMI},
            "are 'a' (30 to 79), 'h' (150 to 193.5), 'p' (90 to 480),",
            "logarithms",
        ),
        (np.where(AGE[:, None] < 40, np.nan, LOGS), {"a": AGE}, "is 'a' (", "logarithms"),
        (LOGS - 8, {"p": PLATELETS}, "is 'p' (90 to 480),", "logarithms"),
        (np.round(LOGS / 8), {"a": AGE}, "is 'a' (30 to 79),", "logarithms"),
        (COUNTS, {"a": AGE}, None, "counts"),
        (COUNTS, {"w": HEIGHT - 80}, "is 'w' (70 to 113.5),", "counts"),
        (COUNTS[:, :30], {"t": -LOGS[:, 0]}, "is 't' (-", "counts"),
        (TPM, {"a": AGE}, None, "raw intensities"),
        (np.exp2(LOGS), {"a": AGE}, None, "raw intensities"),
    ],
)
def test_odd_columns_do_not_decide_on_logarithms(values, columns, odd, kind, tmp_path):
    genes = pd.DataFrame(values, columns=[f"g{place}" for place in range(values.shape[1])])
    study = study_of(genes.assign(**columns, type=LABELS.repeat(5)), tmp_path)
    assert study.kind.startswith(kind)
    assert study.takes_logarithms == (not kind.startswith("logarithms"))
    (told,) = (note for note in study.notes if note.startswith("Values run from"))
    assert (f" Unlike the others {odd}" in told) if odd else ("Unlike" not in told)
    alone = study_of(genes.assign(type=LABELS.repeat(5)), tmp_path)
    np.testing.assert_array_equal(study.scaled[:, : values.shape[1]], alone.scaled)
