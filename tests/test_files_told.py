"""What the program says of files of many kinds is true, and is what the documentation shows."""

import re
from pathlib import Path

import numpy as np
import pytest
from kinds_of_files import (
    COUNTS,
    GENES,
    KINDS,
    LOGS,
    REFUSED,
    TYPES,
    UNDERSTOOD,
    N,
    annotations,
    rows,
    said_of,
    table,
    text,
    turned,
)
from scipy import sparse
from user_files import understood

from sklearn_set._cli.doubts import doubts
from sklearn_set._cli.targets import CLASSES, NUMBERS, Target

PAGE = Path(__file__).parents[1] / "doc" / "own_table.md"
OPTIONS = {"--groups": "groups", "--annotations": "annotations", "--ignore": "ignore"}


def study_of(kind, folder):
    """The study that the program makes of a file."""
    kind.write(folder)
    words = dict(zip(kind.words[::2], kind.words[1::2], strict=True))
    options = {OPTIONS[word]: value for word, value in words.items() if word in OPTIONS}
    if "annotations" in options:
        options["annotations"] = folder / options["annotations"]
    if "ignore" in options:
        options["ignore"] = [options["ignore"]]
    return understood(folder / kind.name, words.get("--target"), **options)


@pytest.mark.parametrize("what", UNDERSTOOD)
def test_what_is_understood_is_what_was_written(what, tmp_path):
    kind = UNDERSTOOD[what]
    pytest.importorskip(kind.needs)
    study = study_of(kind, tmp_path)
    X = study.X.toarray() if study.is_sparse else study.X
    np.testing.assert_array_equal(X, kind.values.astype(np.float32))
    np.testing.assert_array_equal(study.y, kind.labels)
    assert study.y.dtype.kind == kind.labels.dtype.kind
    assert (study.genes, study.samples) == (kind.genes, kind.samples)
    np.testing.assert_array_equal(study.groups, kind.groups)
    said, code = said_of(kind)
    assert (said, code) == (study.notes, 0)
    assert study.takes_logarithms == (kind.values[~np.isnan(kind.values)].max() > 100)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_refused_in_one_line(what):
    kind = REFUSED[what]
    said, code = said_of(kind)
    assert code == 2
    (line,) = said
    assert line.startswith(f"{kind.name} ")
    assert line.endswith(".")


def test_the_page_shows_what_is_said():
    text_of_page = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"^\| ([^|]+) \| `[^|]+` \|.*$", text_of_page, flags=re.MULTILINE)
    assert shown == list(KINDS)
    for what, row in rows():
        assert row in text_of_page, what


# ------------------------------------------------------------------ what must not be mistaken


def note_of(frame, folder, target=None, name="a.csv", **options):
    (folder / name).write_text(text(frame, **options), encoding="utf-8")
    return " ".join(understood(folder / name, target).notes)


@pytest.mark.parametrize("decimals", [1, 3])
@pytest.mark.parametrize("decimal", [".", ","])
def test_numbers_with_as_many_decimals_are_no_thousands(decimal, decimals, tmp_path):
    frame = table(np.abs(LOGS) + 1).map(
        lambda cell: (
            f"{cell:.{decimals}f}".replace(".", decimal) if isinstance(cell, float) else cell
        )
    )
    frame.insert(1, "age", range(30, 30 + 2 * N, 2))  # whole, with nothing between
    sep = ";" if decimal == "," else ","
    assert "thousands" not in note_of(frame, tmp_path, sep=sep)


def test_whole_numbers_of_four_digits_tell_that_nothing_stands_between_thousands(tmp_path):
    frame = table(np.full((N, 2), 1), genes=["a", "b"]).astype(object)
    frame.loc[0, "a"], frame.loc[1, "a"], frame.loc[2, "b"] = "1,250", 1250, 7
    assert "decimal commas" in note_of(frame, tmp_path, sep=";")


def test_a_header_may_begin_with_a_hash(tmp_path):
    frame = table().rename(columns={"sample": "#sample"})
    assert "Left out: 'sample' (names" in note_of(frame, tmp_path)
    assert "remarks" not in note_of(frame, tmp_path)
    (tmp_path / "b.csv").write_text("# a, b\n# c\n\n" + text(frame), encoding="utf-8")
    study = understood(tmp_path / "b.csv")
    assert "below 2 lines of remarks" in study.notes[0]
    np.testing.assert_array_equal(study.X, LOGS.astype(np.float32))


def test_lines_are_counted_with_the_remarks_above(tmp_path):
    short = "# one\n# two\n" + text(table()).replace("8.", "\n8.", 1)
    (tmp_path / "a.csv").write_text(short, encoding="utf-8")
    with pytest.raises(ValueError, match="line 4 has 2 cells"):
        understood(tmp_path / "a.csv")


@pytest.mark.parametrize("remarks", ["#", "# nothing but this\n", "#\n" * 200 + "a,b\n"])
def test_a_file_of_remarks_is_refused(remarks, tmp_path):
    (tmp_path / "a.csv").write_text(remarks, encoding="utf-8")
    with pytest.raises(ValueError, match=r"one column only|no samples below"):
        understood(tmp_path / "a.csv")


def test_the_format_gct_has_versions(tmp_path):
    (tmp_path / "a.gct").write_text("#1.3\n30\t24\t1\t2\n" + text(turned(), sep="\t"), "utf-8")
    (tmp_path / "s.csv").write_text(annotations(), "utf-8")
    with pytest.raises(ValueError, match=r"version 1\.3, expected version 1\.2"):
        understood(tmp_path / "a.gct", "diagnosis", annotations=tmp_path / "s.csv")


def test_a_table_of_mutations_may_say_true_and_false(tmp_path):
    frame = table(LOGS > 8).drop(columns="sample")
    (tmp_path / "a.csv").write_text(text(frame), encoding="utf-8")
    np.testing.assert_array_equal(understood(tmp_path / "a.csv").X, (LOGS > 8).astype(np.float32))


def test_a_code_is_refused_unless_the_user_says_what_it_is(tmp_path):
    values = LOGS.copy()
    values[3, 4:6] = -99
    (tmp_path / "a.csv").write_text(text(table(values)), encoding="utf-8")
    with pytest.raises(ValueError, match=r"2 cells of -99, far below all others.*--raw keep"):
        understood(tmp_path / "a.csv")
    assert understood(tmp_path / "a.csv", raw="keep").X.min() == -99
    values[0, 0] = -60
    assert note_of(table(values), tmp_path).count("(-99 to") == 2  # ranges


def test_columns_of_counters_are_left_out(tmp_path):
    frame = table(COUNTS, genes=[*GENES[:-2], "__no_feature", "N_unmapped"])
    told = note_of(frame, tmp_path)
    assert "24 samples, 28 genes" in told
    assert "'__no_feature' (reads of no gene); 'N_unmapped' (reads of no gene)" in told


@pytest.mark.parametrize("suffix", [".xlsx", ".rds", ".zip", ".mtx", ".mat"])
def test_other_kinds_of_file_are_refused_with_a_remedy(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match="unknown kind, expected") as refused:
        understood(path)
    remedy = {
        ".xlsx": "as CSV.",
        ".rds": "write.csv of R.",
        ".zip": "pack it with gzip.",
        ".mtx": "with anndata.",
    }.get(suffix, "or .h5ad.")
    assert str(refused.value).endswith(remedy)


@pytest.mark.parametrize("other", ["Tumour", "tu mour", "tumour\u200b", "tumo\u0075r\u00ad"])
def test_classes_that_look_alike_are_told(other, tmp_path):
    labels = np.where(np.arange(N) < 6, other, TYPES)
    assert "if they are one class" in note_of(table(labels=labels), tmp_path)
    assert "if they are one class" not in note_of(
        table(labels=np.where(TYPES == "tumour", "ER+", "ER-")), tmp_path
    )


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        *((name, True) for name in ("1-Mar", "01-Mrz", "2. Sep", "Dec-01", "1-mars", "15. Dez.")),
        *((name, True) for name in ("2024-09-15", "9/15/2024", "15.09.2024", "2.31E+13")),
        *((name, False) for name in ("MARCH1", "SEPT2", "DEC1", "3.1.21", "1.1.1.1", "SEP15")),
        *((name, False) for name in ("MAR-AS", "1007_s_at", "2310009E13Rik", "IDS", "7157")),
    ],
)
def test_names_that_became_dates_are_told_and_no_others(name, is_told):
    told = doubted(LOGS, TYPES, [name, *GENES[1:]])
    assert ("name of a date" in told) == is_told
    assert is_told or told == ""


def test_the_gene_ids_is_a_gene(tmp_path):
    frame = table(COUNTS, genes=["IDS", *GENES[1:]])
    assert "24 samples, 30 genes" in note_of(frame, tmp_path)


# ------------------------------------------------------------------------------------ doubts


def doubted(X, y, genes=GENES, task=CLASSES):
    X = X if sparse.issparse(X) else X.astype(np.float32)
    names = [f"S{place}" for place in range(X.shape[0])]
    return " ".join(doubts(X, Target(task, y, np.arange(len(y)), []), genes, names))


def test_of_ordinary_samples_there_are_no_doubts():
    assert doubted(LOGS, TYPES) == doubted(COUNTS, TYPES) == ""
    assert doubted(sparse.csr_array(COUNTS.astype(np.float32)), TYPES) == ""
    assert doubted(LOGS, LOGS[:, 0] + np.arange(N), task=NUMBERS) == ""


def test_a_gene_that_follows_the_target_is_told():
    months = 12 * LOGS[:, 3]
    assert doubted(LOGS, months, task=NUMBERS).startswith("'MYC' goes exactly with the target")
    assert doubted(LOGS[:9], months[:9], task=NUMBERS) == ""  # too few samples to tell


def test_a_class_of_few_samples_tells_nothing():
    codes = np.c_[np.arange(N) < 2, LOGS[:, 1:]]
    labels = np.where(np.arange(N) < 2, "a", "b")
    assert "one number in each class" not in doubted(codes, labels)
    codes[:3, 0], labels[:3] = 1, "a"
    assert "'TP53' is one number in each class" in doubted(codes, labels)


def test_one_hot_labels_tell_the_class():
    labels = np.array(["a", "b", "c"] * (N // 3))
    hot = np.c_[COUNTS[:, 2:], labels == "a", labels == "b"]
    told = doubted(hot, labels)
    assert told.startswith("'ACTB', 'GAPDH' is one number in each class each: no gene")


def test_samples_that_are_the_same_are_told_also_of_sparse_ones():
    X = np.where(COUNTS > 200, COUNTS, 0).astype(np.float32)
    X[[5, 9]] = X[2]
    told = doubted(sparse.csr_array(X), TYPES)
    assert told.startswith("3 samples have the numbers of another ('S2' = 'S5' = 'S9'):")


def test_names_that_hold_no_gene_are_told():
    told = doubted(LOGS, TYPES, ["age", "ID", "symbol", *GENES[3:]])
    assert told.startswith("'age', 'ID', 'symbol' are taken for genes.")


def test_a_few_whole_columns_are_told_and_many_are_not():
    for n_whole, is_told in ((1, True), (3, True), (4, False), (30, False)):
        X = np.c_[COUNTS[:, :n_whole], LOGS[:, n_whole:]]
        assert ("whole numbers only" in doubted(X, TYPES)) == is_told


@pytest.mark.parametrize("frame", [table(labels=None), turned()])
def test_labels_that_are_nowhere_may_be_in_another_file(frame, tmp_path):
    (tmp_path / "a.csv").write_text(text(frame), encoding="utf-8")
    with pytest.raises(ValueError, match=r"name that with --annotations\.$"):
        understood(tmp_path / "a.csv", "outcome")
    with pytest.raises(ValueError, match=r"Perhaps 'TP53' is meant\.$"):
        understood(tmp_path / "a.csv", "TP5")
