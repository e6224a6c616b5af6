"""Downloads are checked and kept, failures say what to do; the world is a local server."""

import hashlib
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import needs_documentation
from scipy.io import savemat
from web import local_web

from sklearn_set.datasets import _sources, _studies, fetch_microarray
from sklearn_set.validation import InvalidParameterError

PATIENCE = {"n_retries": 1, "delay": 1e-3}
COLON = f"{_studies.RAW.removeprefix('https://')}/colon.mat"


def blob_of(content):
    return hashlib.sha1(b"blob " + str(len(content)).encode() + b"\0" + content).hexdigest()


@pytest.fixture
def colon(monkeypatch):
    """The bytes of a small file, X and labels, that stands for "colon" and is pinned as such."""
    X = np.array([[-2, 0, 2], [0, 0, 2], [2, -2, 0], [0, 2, 2]], dtype=np.int16)
    buffer = io.BytesIO()
    savemat(buffer, {"X": X, "Y": np.array([[10], [-1], [2], [-1]], dtype=np.int16)})
    content = buffer.getvalue()
    pin = _studies.File("Four samples.", blob_of(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(_studies.FILES, "colon", pin)
    return content


# ------------------------------------------------------------------------------- scikit-feature


def test_the_checksum_is_git_s(tmp_path):
    # What `git hash-object` says of this content.
    (tmp_path / "hello").write_bytes(b"hello world\n")
    pin = _studies.File("", "3b18e512dba79e4c8300dd08aeb37f8e728b8dad")
    assert _sources._difference(tmp_path / "hello", pin) is None
    (tmp_path / "hello").write_bytes(b"hello world")
    assert "Git's checksum of hello (95d09f2b10159347eece71399a7e2e907ea3df4f) differs" in (
        _sources._difference(tmp_path / "hello", pin)
    )


def test_every_file_is_pinned():
    for file in _studies.FILES.values():
        assert re.fullmatch("[0-9a-f]{40}", file.git_blob)
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    pins = [file.git_blob for file in _studies.FILES.values()]
    assert len(set(pins)) == len(pins)


def test_a_file_is_downloaded_once(colon, tmp_path):
    with local_web({COLON: colon}) as requested:
        first = fetch_microarray("colon", data_home=tmp_path, **PATIENCE)
        again = fetch_microarray("colon", data_home=str(tmp_path), download_if_missing=False)
    assert requested == [COLON]
    for data in (first, again):
        assert data.data.tolist() == [[-2, 0, 2], [0, 0, 2], [2, -2, 0], [0, 2, 2]]
        assert data.data.dtype == np.float64
        assert data.data.flags.c_contiguous
        assert data.target.tolist() == [2, 0, 1, 0]
        assert data.target.dtype == np.int64
        assert data.target_names.tolist() == ["-1", "2", "10"]  # by number, not by letter
        assert data.feature_names == ["gene_0", "gene_1", "gene_2"]
        assert data.frame is None
        assert data.url == f"https://{COLON}"
        assert data.DESCR.split("\n\n") == ["Four samples.", f"From {data.url}."]
    assert [path.name for path in (tmp_path / "sklearn_set").iterdir()] == ["colon.mat"]


def test_return_X_y_and_as_frame(colon, tmp_path):
    with local_web({COLON: colon}):
        X, y = fetch_microarray("colon", data_home=tmp_path, return_X_y=True)
        bunch = fetch_microarray("colon", data_home=tmp_path, as_frame=True)
        X_frame, y_series = fetch_microarray(
            "colon", data_home=tmp_path, as_frame=True, return_X_y=True
        )
    pd.testing.assert_frame_equal(bunch.data, X_frame)
    pd.testing.assert_series_equal(bunch.target, y_series)
    np.testing.assert_array_equal(X_frame, X)
    np.testing.assert_array_equal(y_series, y)
    assert y_series.name == "target"
    assert bunch.frame.columns.tolist() == ["gene_0", "gene_1", "gene_2", "target"]


def test_a_missing_file_is_not_downloaded_against_orders(colon, tmp_path):
    target = tmp_path / "sklearn_set" / "colon.mat"
    with (
        local_web({COLON: colon}) as requested,
        pytest.raises(OSError, match="Data not found") as told,
    ):
        fetch_microarray("colon", data_home=tmp_path, download_if_missing=False)
    assert requested == []
    assert str(told.value) == (
        "Data not found and `download_if_missing` is False. "
        f"Download https://{COLON} by other means and save it as {target}."
    )
    target.parent.mkdir()
    target.write_bytes(colon)  # as told
    assert fetch_microarray("colon", data_home=tmp_path, download_if_missing=False).data.size == 12


def test_without_a_network_the_message_says_what_to_do(colon, tmp_path):
    with (
        local_web({}) as requested,
        pytest.warns(UserWarning, match="Retry downloading"),
        pytest.raises(OSError, match=r"colon could not be downloaded: <urlopen") as told,
    ):
        fetch_microarray("colon", data_home=tmp_path, **PATIENCE)
    assert requested == [COLON] * 2
    assert f"and save it as {tmp_path / 'sklearn_set' / 'colon.mat'}." in str(told.value)
    assert list((tmp_path / "sklearn_set").iterdir()) == []


def test_another_file_is_not_accepted(colon, tmp_path):
    with local_web({COLON: colon + b"!"}), pytest.raises(OSError, match="is not what it was: Git"):
        fetch_microarray("colon", data_home=tmp_path)
    assert list((tmp_path / "sklearn_set").iterdir()) == []


def test_both_checksums_must_agree(colon, tmp_path, monkeypatch):
    pin = _studies.File("", blob_of(colon), "0" * 64)
    monkeypatch.setitem(_studies.FILES, "colon", pin)
    with local_web({COLON: colon}), pytest.raises(OSError, match="The SHA256 checksum of colon"):
        fetch_microarray("colon", data_home=tmp_path)


def test_a_damaged_file_is_replaced_if_allowed(colon, tmp_path):
    path = tmp_path / "sklearn_set" / "colon.mat"
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    message = r"differs from expected \(\w+\) and `download_if_missing` is False"
    with pytest.raises(OSError, match=message):
        fetch_microarray("colon", data_home=tmp_path, download_if_missing=False)
    with (
        local_web({COLON: b"worse"}),
        pytest.warns(UserWarning, match="It is downloaded again"),
        pytest.raises(OSError, match="Nothing was kept"),
    ):
        fetch_microarray("colon", data_home=tmp_path)
    assert path.read_bytes() == b"damaged"
    with local_web({COLON: colon}), pytest.warns(UserWarning, match="It is downloaded again"):
        assert fetch_microarray("colon", data_home=tmp_path).target.tolist() == [2, 0, 1, 0]
    assert path.read_bytes() == colon


# --------------------------------------------------------------------------------------- OpenML


def openml_files(data_id, name, X, labels, *, md5=None):
    """What OpenML's server answers for a small data set of real genes and one label."""
    genes = [f"{gene}_at" for gene in range(X.shape[1])]
    classes = sorted(set(labels))
    lines = [f"@relation {name}"]
    lines += [f"@attribute '{gene}' real" for gene in genes]
    lines += [f"@attribute Tissue {{{','.join(classes)}}}", "@data"]
    lines += [
        ",".join([*map(repr, row), label]) for row, label in zip(X.tolist(), labels, strict=True)
    ]
    arff = ("\n".join(lines) + "\n").encode()
    url = f"https://www.openml.org/data/v1/download/{data_id}/{name}.arff"
    description = {
        "id": str(data_id),
        "name": name,
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "Tumours.",
        "file_id": str(data_id),
        "url": url,
        "md5_checksum": md5 or hashlib.md5(arff).hexdigest(),
    }
    features = [
        {
            "index": str(index),
            "name": feature,
            "data_type": "nominal" if feature == "Tissue" else "numeric",
            "is_target": str(feature == "Tissue").lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        | ({"nominal_value": classes} if feature == "Tissue" else {})
        for index, feature in enumerate([*genes, "Tissue"])
    ]
    qualities = [{"name": "NumberOfInstances", "value": str(float(len(X)))}]
    answers = {
        f"data/{data_id}": {"data_set_description": description},
        f"data/features/{data_id}": {"data_features": {"feature": features}},
        f"data/qualities/{data_id}": {"data_qualities": {"quality": qualities}},
    }
    hosts = ("www.openml.org", "api.openml.org")  # of newer and older scikit-learn
    return {
        f"{host}/api/v1/json/{path}": json.dumps(answer).encode()
        for path, answer in answers.items()
        for host in hosts
    } | {
        f"{host}/data/v1/download/{data_id}{rest}": arff
        for rest in ("", f"/{name}.arff")
        for host in hosts
    }


def tumours(n_samples, seed=0):
    return np.random.default_rng(seed).normal(8, 2, size=(n_samples, 4)).round(3)


PARSERS = pytest.mark.parametrize("parser", ["pandas", "liac-arff"])


@PARSERS
def test_openml_sets_are_downloaded_once(parser, tmp_path, monkeypatch):
    if parser == "liac-arff":
        monkeypatch.setattr(_sources.importlib.util, "find_spec", lambda name: None)
        monkeypatch.setitem(sys.modules, "pandas", None)
    X = tumours(5)
    labels = ["Other", "Lung", "Other", "Other", "Lung"]
    with local_web(openml_files(1130, "OVA_Lung", X, labels)) as requested:
        first = fetch_microarray("OVA_Lung", data_home=tmp_path, **PATIENCE)
        assert requested
        requested.clear()
        again = fetch_microarray("OVA_Lung", data_home=tmp_path, download_if_missing=False)
        assert requested == []
    for data in (first, again):
        np.testing.assert_array_equal(data.data, X)
        assert data.data.dtype == np.float64
        assert data.target.tolist() == [1, 0, 1, 1, 0]
        assert data.target_names.tolist() == ["Lung", "Other"]
        assert data.feature_names == ["0_at", "1_at", "2_at", "3_at"]
        assert data.url == "https://www.openml.org/d/1130"
        assert "those of lung against all others" in data.DESCR


def test_openml_sets_are_not_downloaded_against_orders(tmp_path):
    with local_web({}) as requested, pytest.raises(OSError, match="Data not found") as told:
        fetch_microarray("AP_Colon_Kidney", data_home=tmp_path, download_if_missing=False)
    assert requested == []
    assert f"to {tmp_path / 'sklearn_set' / 'AP_Colon_Kidney.npz'}." in str(told.value)


def test_openml_out_of_reach_says_what_to_do(tmp_path):
    files = openml_files(1130, "OVA_Lung", tumours(2), ["Lung", "Other"])
    files = {path: content for path, content in files.items() if "download" not in path}
    with (
        local_web(files),
        pytest.warns(UserWarning, match="A network error occurred"),
        pytest.raises(OSError, match="OVA_Lung could not be downloaded: <urlopen") as told,
    ):
        fetch_microarray("OVA_Lung", data_home=tmp_path, **PATIENCE)
    assert "Call fetch_microarray('OVA_Lung') where there is a connection" in str(told.value)


def test_a_number_that_means_another_set_is_found_out(tmp_path):
    files = openml_files(1130, "OVA_Ovary", tumours(2), ["Ovary", "Other"])
    message = "OpenML's data set 1130 should be 'OVA_Lung', but is 'OVA_Ovary'."
    with local_web(files), pytest.raises(ValueError, match=message):
        fetch_microarray("OVA_Lung", data_home=tmp_path, **PATIENCE)
    assert not (tmp_path / "sklearn_set").exists()


def test_a_damaged_copy_is_reported(tmp_path):
    path = tmp_path / "sklearn_set" / "OVA_Lung.npz"
    path.parent.mkdir()
    np.savez(path, data=np.zeros((2, 2)))
    with pytest.raises(OSError, match=r"OVA_Lung.npz cannot be read .* Delete it and call again"):
        fetch_microarray("OVA_Lung", data_home=tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(OSError, match=r"OVA_Lung.npz cannot be read .* Delete it and call again"):
        fetch_microarray("OVA_Lung", data_home=tmp_path)


# --------------------------------------------------------------------------------------- GEMLeR

TISSUES = list(_studies.ONE_AGAINST_ALL)


def gemler_files(X, tissues, *, changed=None):
    """The nine sets of one tissue against all others, each in an order of its own."""
    files = {}
    for number, (tissue, data_id) in enumerate(_studies.ONE_AGAINST_ALL.items()):
        order = np.random.default_rng(number).permutation(len(X))
        labels = [tissue if tissues[sample] == tissue else "Other" for sample in order]
        rows = X[order]
        if changed and tissue in changed:
            rows, labels = changed[tissue](rows, labels)
        files |= openml_files(data_id, f"OVA_{tissue}", rows, labels)
    return files


def test_gemler_combines_nine_sets(tmp_path):
    X = tumours(20)
    tissues = (TISSUES * 3)[:20]
    with local_web(gemler_files(X, tissues)) as requested:
        data = fetch_microarray("GEMLeR", data_home=tmp_path, **PATIENCE)
        requested.clear()
        again = fetch_microarray("GEMLeR", data_home=tmp_path, download_if_missing=False)
        single = fetch_microarray("OVA_Uterus", data_home=tmp_path, download_if_missing=False)
        assert requested == []
    assert data.target_names.tolist() == sorted(TISSUES)
    tissue_of = {tuple(row): tissue for row, tissue in zip(X.tolist(), tissues, strict=True)}
    found = [tissue_of[tuple(row)] for row in data.data.tolist()]
    assert data.target_names[data.target].tolist() == found
    assert sorted(found) == sorted(tissues)
    np.testing.assert_array_equal(again.data, data.data)
    np.testing.assert_array_equal(again.target, data.target)
    assert single.target_names.tolist() == ["Other", "Uterus"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"Colon": lambda X, labels: (X + 1, labels)},
            "OVA_Colon does not hold the samples of the other sets.",
        ),
        (
            {"Colon": lambda X, labels: (X, ["Colon", *labels[1:-1], "Rectum"])},
            r"OVA_Colon should have one class beside 'Other', got \['Colon', 'Other', 'Rectum'\].",
        ),
        (
            {"Colon": lambda X, labels: (X, ["Colon"] * (len(X) - 1) + ["Other"])},
            "A sample belongs to Breast and to Colon.",
        ),
        (
            {"Uterus": lambda X, labels: (X, [*_first_positive_only(labels)])},
            "A sample belongs to no tissue.",
        ),
    ],
)
def test_sets_that_do_not_fit_are_not_combined(changed, message, tmp_path):
    tissues = TISSUES * 2
    files = gemler_files(tumours(18), tissues, changed=changed)
    with local_web(files), pytest.raises(ValueError, match=message):
        fetch_microarray("GEMLeR", data_home=tmp_path, **PATIENCE)
    assert not (tmp_path / "sklearn_set" / "GEMLeR.npz").exists()


def _first_positive_only(labels):
    first = labels.index("Uterus")
    return ["Uterus" if place == first else "Other" for place in range(len(labels))]


# ----------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"name": "colonn"}, "The 'name' parameter of fetch_microarray must be a str among {'ALL"),
        ({"data_home": 3}, "must be an instance of 'str', an instance of 'os.PathLike' or None."),
        ({"download_if_missing": "no"}, "The 'download_if_missing' parameter of fetch_microarray"),
        ({"return_X_y": None}, "The 'return_X_y' parameter of fetch_microarray must be"),
        ({"as_frame": "auto"}, "The 'as_frame' parameter of fetch_microarray must be"),
        ({"n_retries": 0}, "must be an int in the range [1, inf). Got 0 instead."),
        ({"delay": 0}, "must be a float in the range (0.0, inf). Got 0 instead."),
    ],
)
def test_bad_parameters_are_refused(parameters, message, tmp_path):
    home = tmp_path / "home"
    with local_web({}) as requested, pytest.raises(InvalidParameterError, match=re.escape(message)):
        fetch_microarray(**{"name": "colon", "data_home": home, **parameters})
    assert requested == []
    assert not home.exists()


def test_frames_need_pandas(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with local_web({}) as requested, pytest.raises(ImportError, match="pip install pandas"):
        fetch_microarray("colon", data_home=tmp_path, as_frame=True)
    assert requested == []


@needs_documentation
def test_the_guide_lists_every_set():
    page = Path(__file__).parents[1] / "doc" / "guide" / "data.md"
    text = page.read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith('| `"')]
    listed = [name for row in rows for name in re.findall(r'`"([\w-]+)"`', row[0])]
    assert sorted(listed) == sorted([*_studies.FILES, *_studies.OPENML, _studies.COMBINED])
    # The figures without a star are those of the files whose content is pinned by SHA-256.
    for name, *figures, _ in rows:
        name = name.strip('| `"')
        if name in _studies.FILES:
            known = _studies.FILES[name].sha256 is not None
            assert [figure.endswith("*") for figure in figures] == [not known] * 3, name
            for figure, unit in zip(figures, ("samples", "genes", "classes"), strict=True):
                assert f" {figure.rstrip('*')} {unit}" in _studies.FILES[name].about
