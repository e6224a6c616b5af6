"""What the program makes of files: annotations, groups, sparse matrices, AnnData, raw numbers."""

import gzip
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from user_files import (
    GENES,
    IDS,
    LABELS,
    N_SAMPLES,
    NUMBERS,
    REAL,
    VALUES,
    arrays,
    csv_text,
    genes_as_rows,
    geo,
    insert,
    of_objects,
    samples,
    understood,
)

from sklearn_set._cli.files import read_samples

PATIENTS = np.repeat([f"pt{i}" for i in range(6)], 2)
ORDER = np.random.default_rng(3).permutation(N_SAMPLES)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def annotations(columns=None, ids=IDS):
    """A table of samples in another order than that of the genes."""
    frame = pd.DataFrame(
        {"sample": ids, "type": LABELS, "patient": PATIENTS, "age": REAL, **(columns or {})}
    )
    return frame.loc[ORDER]


# -------------------------------------------------------------------------------- annotations


@pytest.mark.parametrize("turned", [False, True])
def test_annotations_are_joined_by_name_and_tell_which_way_the_table_is(turned, tmp_path):
    table = insert(samples().drop(columns="type"), 0, "name", IDS)
    if turned:
        table = table.set_index("name").T.rename_axis("gene").reset_index()
    path = write(tmp_path / "genes.csv", csv_text(table))
    told = write(tmp_path / "samples.tsv", csv_text(annotations(), sep="\t"))
    study = understood(path, "type", groups="patient", annotations=told)
    np.testing.assert_array_equal(study.X, VALUES.astype(np.float32))
    np.testing.assert_array_equal(study.y, LABELS)
    np.testing.assert_array_equal(study.groups, PATIENTS)
    assert study.samples == IDS
    assert study.genes == GENES
    notes = " ".join(study.notes)
    assert "column 'type' of samples.tsv: 2 classes" in notes
    assert "Groups are column 'patient' of samples.tsv: 6 groups" in notes
    assert "samples.tsv describes the samples, by column 'sample'." in notes
    assert ("was transposed" in notes) == turned


def test_a_row_of_labels_may_have_groups_in_annotations(tmp_path):
    path = write(tmp_path / "genes.csv", csv_text(genes_as_rows(), index=True))
    told = write(tmp_path / "samples.csv", csv_text(annotations().drop(columns="type")))
    study = understood(path, "type", groups="patient", annotations=told)
    np.testing.assert_array_equal(study.y, LABELS)
    np.testing.assert_array_equal(study.groups, PATIENTS)


def test_samples_without_annotations_and_the_reverse_are_told(tmp_path):
    path = write(tmp_path / "genes.csv", csv_text(genes_as_rows(None), index=True))
    frame = annotations(ids=["other", *IDS[1:]])
    told = write(tmp_path / "samples.csv", csv_text(frame))
    study = understood(path, "type", annotations=told)
    assert study.samples == IDS[1:]
    np.testing.assert_array_equal(study.y, LABELS[1:])
    assert "1 line of samples.csv describes a sample that is not in the table." in study.notes
    assert any("Left out: 'P0' (not in the annotations)" in note for note in study.notes)


def test_text_about_genes_is_no_sample(tmp_path):
    table = insert(genes_as_rows(None), 0, "about", ["kinase"] * 4)
    table = insert(table, 1, "length", range(100, 104))
    path = write(tmp_path / "genes.csv", csv_text(table, index=True))
    told = write(tmp_path / "samples.csv", csv_text(annotations()))
    study = understood(path, "type", annotations=told)
    assert study.samples == IDS
    (left_out,) = (note for note in study.notes if note.startswith("Left out"))
    assert "'about' (text about the genes)" in left_out
    assert "'length' (not in the annotations)" in left_out


@pytest.mark.parametrize("turned", [False, True])
def test_names_may_be_written_as_r_writes_them(turned, tmp_path):
    names = [f"7-{place} a" for place in range(N_SAMPLES)]
    written = [f"X7.{place}.a" for place in range(N_SAMPLES)]
    table = insert(samples().drop(columns="type"), 0, "name", written)
    if turned:
        table = table.set_index("name").T.rename_axis("gene").reset_index()
    path = write(tmp_path / "genes.csv", csv_text(table))
    told = write(tmp_path / "samples.csv", csv_text(annotations(ids=names)))
    study = understood(path, "type", annotations=told)
    assert study.samples == written
    np.testing.assert_array_equal(study.y, LABELS)


def test_a_series_matrix_annotates_another_table(tmp_path):
    names = [f"GSM{i}" for i in range(N_SAMPLES)]
    counts = genes_as_rows(None).set_axis(names, axis=1)
    path = write(
        tmp_path / "counts.tsv.gz", gzip.compress(csv_text(counts, True, sep="\t").encode())
    )
    told = write(tmp_path / "GSE1_series_matrix.txt", geo(empty=True))
    study = understood(path, "tissue", annotations=told)
    np.testing.assert_array_equal(study.y, ["tumor", "normal"] * 6)
    assert study.samples == names
    with pytest.raises(ValueError, match=r"empty table.*supplementary files.*as --annotations"):
        understood(told, "tissue")


@pytest.mark.parametrize(
    ("frame", "target", "told"),
    [
        (annotations(ids=[f"x{i}" for i in range(12)]), "type", "none of the samples that"),
        (annotations(), None, "does not say which of its columns.* --target: 'type' \\(2 values"),
        (annotations({"label": LABELS, "class": LABELS}), None, "its labels in 'label', 'class'"),
        (annotations(ids=[*IDS[:-1], IDS[0]]), "type", "describes more than once.*'P0'"),
        (annotations().set_axis(["sample", "type", "type", "age"], axis=1), "type", "same name"),
    ],
)
def test_annotations_that_do_not_fit_are_refused(frame, target, told, tmp_path):
    path = write(tmp_path / "genes.csv", csv_text(genes_as_rows(None), index=True))
    described = write(tmp_path / "samples.csv", csv_text(frame))
    with pytest.raises(ValueError, match=told) as refused:
        understood(path, target, annotations=described)
    assert "\n" not in str(refused.value)


def test_annotations_of_another_kind_are_refused(tmp_path):
    path = write(tmp_path / "genes.csv", csv_text(genes_as_rows(None), index=True))
    with pytest.raises(ValueError, match=r"a\.xlsx is of an unknown kind"):
        understood(path, "type", annotations=write(tmp_path / "a.xlsx", b"PK"))
    with pytest.raises(FileNotFoundError, match=r"There is no file .*b\.csv"):
        understood(path, "type", annotations=tmp_path / "b.csv")


# -------------------------------------------------------------------------- groups and columns


def test_groups_and_what_is_ignored_are_no_genes(tmp_path):
    table = insert(insert(samples(), 0, "sex", ["m", "f"] * 6), 0, "patient", PATIENTS)
    path = write(tmp_path / "a.csv", csv_text(insert(table, 0, "age", REAL)))
    study = understood(path, "type", groups="patient", ignore=["sex", "age"])
    np.testing.assert_array_equal(study.groups, PATIENTS)
    assert study.genes == GENES
    assert any("Left out: 'sex' (as told); 'age' (as told)." in note for note in study.notes)
    rows = table.drop(columns="sex").set_axis(IDS).T.rename_axis("gene").reset_index()
    path = write(tmp_path / "b.csv", csv_text(rows))
    study = understood(path, "type", groups="patient")
    np.testing.assert_array_equal(study.groups, PATIENTS)
    assert study.genes == GENES


def test_patients_with_several_samples_are_pointed_out(tmp_path):
    path = write(tmp_path / "a.csv", csv_text(insert(samples(), 0, "patient", PATIENTS)))
    notes = " ".join(understood(path).notes)
    assert "6 patients or subjects in column 'patient' have 12 samples. --groups patient" in notes


@pytest.mark.parametrize(
    ("frame", "options", "told"),
    [
        (samples(), {"groups": "patient"}, "has no column 'patient'"),
        (insert(samples(), 0, "Batch", PATIENTS), {"groups": "batch"}, "Perhaps 'Batch' is meant"),
        (samples(), {"ignore": ["sex"]}, "has no column 'sex'"),
        (insert(samples(), 0, "id", ["a", *IDS[1:-1], "a"]), {}, "same name in 'id': 'a'"),
        (
            insert(samples(), 0, "batch", ["", *PATIENTS[1:]]),
            {"groups": "batch"},
            "no group for 1 sample of 12, in column 'batch'",
        ),
        (samples(values=np.ones((12, 4))), {}, "the same numbers in all samples"),
    ],
)
def test_groups_and_names_that_do_not_fit_are_refused(frame, options, told, tmp_path):
    path = write(tmp_path / "a.csv", csv_text(frame))
    with pytest.raises(ValueError, match=told):
        understood(path, "type", **options)


def test_samples_of_the_same_name_are_refused_where_genes_are_rows(tmp_path):
    text = csv_text(genes_as_rows(), index=True).replace("P1,", "P0,", 1)
    with pytest.raises(ValueError, match="several samples of the same name: 'P0'"):
        understood(write(tmp_path / "a.csv", text))


@pytest.mark.parametrize("turned", [False, True])
def test_genes_of_the_same_name_are_kept_and_told(turned, tmp_path):
    text = csv_text(genes_as_rows(), True) if turned else csv_text(samples())
    text = text.replace("g2", "g1").replace("g3", "g1 #2")
    study = understood(write(tmp_path / "a.csv", text))
    assert study.genes == ["g1", "g1 #3", "g1 #2", "g4"]
    assert any("1 name of genes stands more than once ('g1')" in note for note in study.notes)


def test_names_of_genes_are_numbered_without_gaps(tmp_path):
    path = write(tmp_path / "a.csv", csv_text(samples()).replace("g2", "g1").replace("g3", "g1"))
    assert understood(path).genes == ["g1", "g1 #2", "g1 #3", "g4"]


def test_names_that_are_hardly_those_of_genes_are_told(tmp_path):
    table = insert(samples().rename(columns={"g1": "1-Mar", "g2": "TP53"}), 1, "Age", REAL)
    notes = " ".join(understood(write(tmp_path / "a.csv", csv_text(table))).notes)
    assert "'Age' is taken for a gene. " in notes
    assert "--ignore" in notes
    assert "1 gene has the name of a date or a power of ten ('1-Mar')" in notes
    assert "'Age' is" not in " ".join(understood(tmp_path / "a.csv", ignore=["Age"]).notes)


def test_constant_genes_are_told(tmp_path):
    path = write(tmp_path / "a.csv", csv_text(insert(samples(), 1, "flat", 7)))
    notes = " ".join(understood(path).notes)
    assert "1 gene is the same in all samples ('flat')" in notes


# ----------------------------------------------------------------------------- missing cells


@pytest.mark.parametrize("cell", ["", "NA", "?", "NaN"])
@pytest.mark.parametrize("turned", [False, True])
def test_missing_cells_are_kept_and_told(cell, turned, tmp_path):
    text = csv_text(genes_as_rows(), True) if turned else csv_text(samples())
    for value in (VALUES[0, 1], VALUES[5, 1]):
        assert text.count(f"{value}") == 1
        text = text.replace(f"{value}", cell)
    study = understood(write(tmp_path / "a.csv", text))
    assert study.has_missing
    np.testing.assert_array_equal(np.argwhere(np.isnan(study.X)), [[0, 1], [5, 1]])
    assert "2 missing cells of 48 in 1 gene: medians" in " ".join(study.notes)


def test_samples_without_a_label_are_left_out_and_told(tmp_path):
    labels = np.where(np.arange(N_SAMPLES) < 3, "NA", LABELS)
    table = insert(insert(samples(labels), 0, "patient", PATIENTS), 0, "id", IDS)
    study = understood(write(tmp_path / "a.csv", csv_text(table)), groups="patient")
    np.testing.assert_array_equal(study.y, LABELS[3:])
    np.testing.assert_array_equal(study.groups, PATIENTS[3:])
    np.testing.assert_array_equal(study.X, VALUES[3:].astype(np.float32))
    assert study.samples == IDS[3:]
    assert "Left out: 3 samples without a label." in study.notes
    path = write(tmp_path / "b.csv", csv_text(samples(["NA"] * N_SAMPLES)))
    with pytest.raises(ValueError, match="no label for any of 12 samples"):
        understood(path, "type")


# -------------------------------------------------------------------------- classes or numbers


@pytest.mark.parametrize(
    ("labels", "task", "expected"),
    [
        (LABELS, None, "classification"),
        (NUMBERS, None, "classification"),
        (REAL, None, "regression"),
        (np.arange(12) * 7, None, "regression"),
        (NUMBERS / 2, None, "regression"),
        (NUMBERS / 2, "classification", "classification"),
        (NUMBERS, "regression", "regression"),
    ],
)
def test_targets_are_classes_or_numbers(labels, task, expected, tmp_path):
    path = write(tmp_path / "a.csv", csv_text(samples(labels)))
    study = understood(path, "type", task=task)
    assert study.task == expected
    assert study.y.dtype.kind == ("f" if expected == "regression" else study.y.dtype.kind)
    said = "regression" if expected == "regression" else "2 classes"
    assert said in " ".join(study.notes)


def test_ages_are_numbers_and_many_numbered_classes_are_classes(tmp_path):
    values = np.random.default_rng(0).normal(size=(240, 4))
    ages = np.repeat(np.arange(40, 60), 12)
    path = write(tmp_path / "a.csv", csv_text(samples(ages, values=values)))
    assert understood(path, "type").task == "regression"
    path = write(tmp_path / "b.csv", csv_text(samples(ages - 40, values=values)))
    assert understood(path, "type").task == "classification"


def test_text_is_no_number_to_estimate(tmp_path):
    path = write(tmp_path / "a.csv", csv_text(samples()))
    with pytest.raises(ValueError, match=r"text as labels.* such as 'tumor'; regression needs"):
        understood(path, task="regression")


def test_missing_labels_are_told_where_one_class_is_left(tmp_path):
    path = write(tmp_path / "a.csv", csv_text(samples(np.where(LABELS == "tumor", "", LABELS))))
    with pytest.raises(ValueError, match=r"all 4 labels.* 'normal' \(8 samples without one\)"):
        understood(path)


# -------------------------------------------------------------------------------- raw numbers


@pytest.mark.parametrize(
    ("values", "raw", "kind", "takes"),
    [
        (VALUES, "auto", "logarithms or the like", False),
        (VALUES, "log", "logarithms or the like", True),
        (np.exp(8 + VALUES), "auto", "raw intensities", True),
        (np.exp(8 + VALUES), "keep", "raw intensities", False),
        (np.round(np.exp(3 + VALUES)), "auto", "counts", True),
        (np.where(VALUES > 1, 60, VALUES < -1), "auto", "counts", True),
        (VALUES > 0, "auto", "logarithms or the like", False),
        (8 + 2 * VALUES, "auto", "logarithms or the like", False),
    ],
)
def test_raw_numbers_are_told_from_logarithms(values, raw, kind, takes, tmp_path):
    path = write(tmp_path / "a.csv", csv_text(samples(values=values * 1.0)))
    study = understood(path, raw=raw)
    assert study.takes_logarithms == takes
    (told,) = (note for note in study.notes if note.startswith("Values run from"))
    assert f": {kind}. " in told
    assert ("log2(1 + x) is taken" in told) == takes
    assert ("--raw" in told) == (raw == "auto")
    np.testing.assert_array_equal(study.X, values.astype(np.float32))
    expected = np.log2(1 + np.abs(study.X)) * np.sign(study.X) if takes else study.X
    np.testing.assert_allclose(study.scaled, expected, rtol=1e-6)


def test_logarithms_of_sparse_numbers_are_those_of_dense_ones(tmp_path):
    counts = np.random.default_rng(0).poisson(2.0, (N_SAMPLES, 5)) * 30.0
    matrix = sparse.csr_array(counts)
    parts = {name: getattr(matrix, name) for name in ("data", "indices", "indptr", "shape")}
    whole = write(tmp_path / "a.npz", arrays(format="csr", y=LABELS, **parts))
    dense = write(tmp_path / "b.npz", arrays(X=counts, y=LABELS))
    first, second = understood(whole), understood(dense)
    assert first.is_sparse
    assert not second.is_sparse
    assert first.takes_logarithms
    assert second.takes_logarithms
    np.testing.assert_array_equal(first.scaled.toarray(), second.scaled)
    told = [note for note in first.notes if note.startswith("Values run")]
    assert told == [note for note in second.notes if note.startswith("Values run")]


# ------------------------------------------------------------------------------ other formats


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
def test_a_sparse_matrix_of_scipy_goes_straight_through(kind, tmp_path):
    sparse.save_npz(tmp_path / "X.npz", kind(np.where(VALUES > 0, VALUES, 0)))
    told = write(tmp_path / "y.csv", csv_text(pd.DataFrame({"number": IDS, "label": LABELS})))
    study = understood(tmp_path / "X.npz", annotations=told)
    assert isinstance(study.X, sparse.csr_array)
    np.testing.assert_array_equal(
        study.X.toarray(), np.where(VALUES > 0, VALUES, 0).astype(np.float32)
    )
    np.testing.assert_array_equal(study.y, LABELS)
    assert any("have no names, in their order" in note for note in study.notes)
    few = write(tmp_path / "few.csv", csv_text(pd.DataFrame({"a": IDS[:9], "label": LABELS[:9]})))
    with pytest.raises(ValueError, match=r"12 samples without names, but few\.csv describes 9"):
        understood(tmp_path / "X.npz", annotations=few)


def test_names_in_an_npz_file_are_taken(tmp_path):
    content = arrays(X=VALUES, y=LABELS, genes=np.array(GENES), samples=np.array(IDS), b=PATIENTS)
    study = understood(write(tmp_path / "a.npz", content), groups="b")
    assert study.genes == GENES
    assert study.samples == IDS
    np.testing.assert_array_equal(study.groups, PATIENTS)


def test_a_sparse_matrix_that_is_damaged_is_refused(tmp_path):
    matrix = sparse.csr_array(VALUES)
    parts = {"data": matrix.data, "indptr": matrix.indptr, "shape": matrix.shape, "y": LABELS}
    content = arrays(format="csr", indices=matrix.indices + 3, **parts)
    with pytest.raises(ValueError, match=r"a\.npz cannot be read as an \.npz file"):
        understood(write(tmp_path / "a.npz", content))


def test_groups_of_a_series_matrix_are_descriptions(tmp_path):
    study = understood(
        write(tmp_path / "GSE1_series_matrix.txt", geo()), "tissue", groups="source_name_ch1"
    )
    np.testing.assert_array_equal(study.groups, ["breast", "breast", "lung"] * 4)
    assert study.samples[:2] == ["GSM0", "GSM1"]
    assert study.genes[:2] == ["0_at", "1_at"]
    with pytest.raises(ValueError, match=r"12 distinct values .*--target: .*'tissue' \(2"):
        understood(tmp_path / "GSE1_series_matrix.txt", "title")
    assert understood(tmp_path / "GSE1_series_matrix.txt", "age").task == "regression"


@pytest.mark.parametrize("dense", [False, True])
def test_anndata_is_read(dense, tmp_path):
    anndata = pytest.importorskip("anndata")
    counts = np.random.default_rng(0).poisson(2.0, (N_SAMPLES, 5)).astype(np.float32)
    ids, names = (pd.Index(each, dtype=object) for each in (IDS, [f"g{i}" for i in range(5)]))
    labels = pd.Series(of_objects(LABELS), index=ids)
    labels.iloc[0] = None
    obs = pd.DataFrame({"type": labels, "donor": of_objects(PATIENTS), "age": REAL}, index=ids)
    genes = pd.DataFrame(index=names)
    matrix = counts if dense else sparse.csr_matrix(counts)
    path = tmp_path / "a.h5ad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anndata.AnnData(X=matrix, obs=obs, var=genes).write_h5ad(path)
    study = understood(path, "type", groups="donor")
    assert study.is_sparse != dense
    np.testing.assert_array_equal(study.X if dense else study.X.toarray(), counts[1:])
    np.testing.assert_array_equal(study.y, LABELS[1:])
    np.testing.assert_array_equal(study.groups, PATIENTS[1:])
    assert study.samples == IDS[1:]
    assert study.genes == list(genes.index)
    assert understood(path, "age").task == "regression"
    with pytest.raises(ValueError, match=r"column of obs with --target: 'type' \("):
        understood(path)
    with pytest.raises(ValueError, match="no column 'kind' in obs"):
        understood(path, "kind")
    write(path, b"\x89HDF\r\n\x1a\n damaged")
    with pytest.raises(ValueError, match=r"cannot be read as an \.h5ad file"):
        understood(path, "type")


def test_what_is_read_is_not_yet_judged(tmp_path):
    """Labels and numbers stand as they do in the file; what they mean is decided later."""
    path = write(tmp_path / "a.csv", csv_text(samples(np.where(LABELS == "tumor", "01", ""))))
    read = read_samples(path)
    assert set(read.labels) == {"01", ""}
    assert re.fullmatch(r"a table with commas between its cells", read.form)
