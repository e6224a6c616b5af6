"""Files of samples as users have them, for tests of how they are read."""

import io

import numpy as np
import pandas as pd

from sklearn_set._cli.files import read_samples, refusing
from sklearn_set._cli.understanding import understand


def understood(path, target=None, *, task=None, raw="auto", **options):
    """The study that the program makes of a file."""
    samples = read_samples(path, target, **options)
    with refusing(path):
        return understand(samples, path.name, task=task, raw=raw)


N_SAMPLES, N_GENES = 12, 4
VALUES = np.random.default_rng(0).normal(size=(N_SAMPLES, N_GENES)).round(4)
LABELS = np.array(["tumor", "normal", "tumor"] * 4)
NUMBERS = np.array([3, 7, 3] * 4)
GENES = ["g1", "g2", "g3", "g4"]
IDS = [f"P{i}" for i in range(N_SAMPLES)]


def samples(labels=LABELS, label="type", values=VALUES):
    """The table that most files hold: a sample in each row, the label last."""
    return pd.DataFrame(values, columns=GENES[: values.shape[1]]).assign(**{label: labels})


def genes_as_rows(labels=LABELS, label="type", n_genes=N_GENES):
    """The same turned: genes as rows, a row of labels first, an id for each sample."""
    values = np.random.default_rng(0).normal(size=(N_SAMPLES, n_genes)).round(4)
    frame = pd.DataFrame(values.T, columns=IDS, index=[f"g{i + 1}" for i in range(n_genes)])
    if labels is None:
        return frame
    return pd.concat([pd.DataFrame([labels], columns=IDS, index=[label]), frame])


def csv_text(frame, index=False, **options):
    return frame.to_csv(index=index, lineterminator="\n", **options)


def of_objects(texts):
    """Texts as categories that all versions of anndata can write: not the strings of pandas 3."""
    return pd.Categorical(texts, categories=pd.Index(sorted({*texts}), dtype=object))


def arrays(**content):
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


def geo(labels=("tumor", "normal") * 6, *, cell=None, end=True, empty=False, extra=()):
    """A series matrix as GEO writes it: all text in quotes, even where quotes stand inside."""
    names = [f"GSM{i}" for i in range(N_SAMPLES)]

    def line(name, cells):
        return "\t".join([name, *(f'"{cell}"' for cell in cells)])

    table = pd.DataFrame(VALUES.T.astype(str), index=[f"{i}_at" for i in range(N_GENES)])
    if cell is not None:
        table.iloc[1, 2] = cell
    rows = [] if empty else ["\t".join([f'"{name}"', *row]) for name, *row in table.itertuples()]
    return "\n".join(
        [
            '!Series_title\t"A study; of tumors"',
            line("!Sample_title", [f'biopsy {i} of 5" needle' for i in range(N_SAMPLES)]),
            line("!Sample_geo_accession", names),
            line("!Sample_source_name_ch1", ["breast", "breast", "lung"] * 4),
            line("!Sample_characteristics_ch1", [f"tissue: {label}" for label in labels]),
            line("!Sample_characteristics_ch1", [f"age: {40 + i}" for i in range(N_SAMPLES)]),
            *extra,
            "!series_matrix_table_begin",
            line('"ID_REF"', names),
            *rows,
            *(["!series_matrix_table_end"] if end else []),
            "",
        ]
    )


# ---------------------------------------------------------------------------------- understood


def insert(frame, position, name, values):
    frame = frame.copy()
    frame.insert(position, name, values, allow_duplicates=True)
    return frame


TABLE = csv_text(samples())
SHUFFLED = np.random.default_rng(1).permutation(N_SAMPLES)

# ------------------------------------------------------------------------------------- refused


REAL = np.linspace(0.5, 20.25, N_SAMPLES)
