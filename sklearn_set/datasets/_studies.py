"""Where well-known microarray studies are, and how their files are recognised: tables only."""

from dataclasses import dataclass

_COMMIT = "48cffad4e88ff4b9d2f1c7baffb314d1b3303792"
RAW = f"https://raw.githubusercontent.com/jundongl/scikit-feature/{_COMMIT}/skfeature/data"


@dataclass(frozen=True)
class File:
    """A MATLAB file of the scikit-feature repository at `_COMMIT`.

    A commit names its files by Git's checksum, SHA-1 over a header and the content. That of every
    file is known from the commit itself; SHA-256 is known for those whose content was read.
    """

    about: str
    git_blob: str
    sha256: str | None = None


@dataclass(frozen=True)
class OpenML:
    """A data set of OpenML, by its number; the server tells its name and its file's checksum."""

    about: str
    data_id: int


_THREE_LEVELS = "Values are levels: -2 low, 0 normal, 2 high."
FILES = {
    "ALLAML": File(
        "Leukaemia, ALL and AML (Golub et al., 1999): 72 samples, 7,129 genes, 2 classes.",
        "b592b0ace190de2da8389df1daadebc842b7dc3e",
        "068afe0fe1021932e1e7d801294c267de8aeaa9d41899acfac024e72b0d44c1e",
    ),
    "CLL-SUB-111": File(
        "Chronic lymphocytic leukaemia: 111 samples, 11,340 genes, 3 classes.",
        "6f14fa8d02fbe7fca3e73f4c97da3f1e7003a648",
    ),
    "Carcinom": File(
        "Carcinomas of several organs: 174 samples, 9,182 genes, 11 classes.",
        "ed23efd165241be723f0796d8660c67ca8448bcc",
    ),
    "GLI-85": File(
        "Gliomas: 85 samples, 22,283 genes, 2 classes.",
        "5e6f7b529254a8460ff8ad96a5675cd95304e10a",
    ),
    "GLIOMA": File(
        "Gliomas of four types: 50 samples, 4,434 genes, 4 classes. Values are log10 intensities.",
        "10ab30deffc3938ba601215c3f95c5a93a157cde",
        "c31cd32edd770c7a102729839e670e588bc959a591e0eae5a0676c9ca11d4c4f",
    ),
    "Prostate-GE": File(
        "Prostate tumours and normal tissue: 102 samples, 5,966 genes, 2 classes. Values are log10 "
        "intensities.",
        "0a5af44e4dcaf1d6fa43f21be954bc61eaac76df",
        "050b598534dbc662f23e30f39b41354b61d02ab8567837bcf9b1091c1c636ab4",
    ),
    "SMK-CAN-187": File(
        "Airways of smokers with and without lung cancer: 187 samples, 19,993 genes, 2 classes.",
        "af38a120b93d5701e48e1ae679b5305c2ad2c791",
    ),
    "TOX-171": File(
        "Toxicology, blood: 171 samples, 5,748 genes, 4 classes. Values are raw intensities.",
        "4375e3a072ca3676408174e73482a806bd60fec5",
        "f52f57e61775b7830c84750456d7fadfd220d1cc8eed26419c3390eb9216cc84",
    ),
    "colon": File(
        "Colon tumours and normal tissue (Alon et al., 1999): 62 samples, 2,000 genes, 2 classes. "
        + _THREE_LEVELS,
        "0aec8a9467406156bf7f008d7ef98bbed159d582",
        "ffcdeba03eb67cec403fa1dc9f827c22a6e2c57786bf3e01dfe1b4b3e25e0a2f",
    ),
    "leukemia": File(
        "Leukaemia, ALL and AML (Golub et al., 1999): 72 samples, 7,070 genes, 2 classes. "
        + _THREE_LEVELS,
        "7fbd959fc303de30c86080c822d8e955ab22d64e",
        "eb92382fb77c968864cb0a92a2c77acde7f88ba7fe5fd5a64b98184e3a05269d",
    ),
    "lung": File(
        "Lung tumours and normal tissue: 203 samples, 3,312 genes, 5 classes.",
        "becb82c675f788b040d5ced741955e19b94ce9b8",
    ),
    "lung_small": File(
        "Lung tumours: 73 samples, 325 genes, 7 classes. " + _THREE_LEVELS,
        "fbefb85a0f3b6bfc3446d9fe345ed2250aeb4cba",
        "93c6a65eb1f6f9f95ac897010c337254a57c57e7f8c0c9a7963a0e03de8233f4",
    ),
    "lymphoma": File(
        "Lymphomas and normal cells: 96 samples, 4,026 genes, 9 classes. " + _THREE_LEVELS,
        "42cb35c54f7dd43216165787a8879e787f587f67",
        "bd834ed911d47ecf2e07625ed77617d514d89ee398fa2e7a787230f7cf5243f8",
    ),
    "nci9": File(
        "Cell lines of nine tumour types: 60 samples, 9,712 genes, 9 classes. " + _THREE_LEVELS,
        "dd1771aed238a90fe80fdae475d7e69f96a59cc2",
        "e336aa43eaf3103803252604375a89141043994a54f93222f7ccc12b5b910789",
    ),
}

_GEMLER = "GEMLeR (Stiglic and Kokol, 2010), 10,935 genes: "
ONE_AGAINST_ALL = {
    "Breast": 1128,
    "Colon": 1161,
    "Endometrium": 1142,
    "Kidney": 1134,
    "Lung": 1130,
    "Omentum": 1139,
    "Ovary": 1166,
    "Prostate": 1146,
    "Uterus": 1138,
}
OPENML = {
    "AP_Breast_Ovary": OpenML(_GEMLER + "tumours of breast and ovary.", 1165),
    "AP_Colon_Kidney": OpenML(_GEMLER + "546 tumours of colon and kidney.", 1137),
} | {
    f"OVA_{tissue}": OpenML(
        f"{_GEMLER}1,545 tumours, those of {tissue.lower()} against all others.", data_id
    )
    for tissue, data_id in ONE_AGAINST_ALL.items()
}
COMBINED = "GEMLeR"
COMBINED_ABOUT = (
    _GEMLER + "1,545 tumours of nine tissues, combined from the nine sets of one against all."
)
