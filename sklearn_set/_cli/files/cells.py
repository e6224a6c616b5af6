"""What a single cell is, and what a name tells of a column or a row.

Knows words and numbers; must not know lines or tables, or what follows from a cell.
"""

import re

# A class may be called "None": pandas' own list has it.
MISSING = (
    *("", "NA", "N/A", "n/a", "n.a.", "N.A.", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "?"),
    *("#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?", "#NULL!"),  # of spreadsheets
)
UNKNOWN_TO_PANDAS = ("n.a.", "N.A.", "?", *MISSING[-6:])

# Spreadsheets take genes such as MARCH1 and SEPT2 for dates, and 2310009E13 for a number.
_MONTH = (
    r"(jan|feb|fev|fév|mar|mrz|mär|apr|avr|may|mai|jun|juin|jul|juil|aug|aou|aoû|sep|oct|okt|nov|"
    r"dec|dez|déc)[a-zé]{0,2}"
)
_DATE = re.compile(
    rf"\d{{1,2}}[-./ ]{{1,2}}{_MONTH}\.?([-./ ]\d{{2,4}})?|{_MONTH}[-./ ]\d{{2}}|"
    r"\d{4}-\d\d-\d\d( 00:00:00)?|\d{1,2}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4}",
    re.IGNORECASE,
)
_POWER = re.compile(r"\d([.,]\d+)?E\+\d\d")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_LABEL_NAMES = {"label", "labels", "class", "target", "y"}
_GENE_NAMES = {
    *("gene", "genes", "gene_id", "gene_name", "gene_symbol", "symbol", "probe", "probe_id"),
    *("probeset", "probeset_id", "id_ref", "ensembl", "ensembl_id", "entrez", "entrez_id"),
    *("feature", "features"),
}
_SAMPLE_NAMES = {
    *("id", "ids", "index", "idx", "no", "nr", "row", "rowname", "rownames", "row_names", "rowid"),
    *("name", "sample", "samples", "sample_id", "sampleid", "sample_name", "samplename"),
    *("barcode", "accession", "geo_accession", "filename"),
}
_PATIENT_NAMES = {
    *("patient", "patient_id", "patientid", "subject", "subject_id", "subjectid", "case_id"),
    *("donor", "donor_id", "individual", "animal"),
}
_COUNTERS = {"N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"}  # of STAR
_CLINICAL_NAMES = {
    *("age", "sex", "gender", "bmi", "weight", "height", "race", "ethnicity", "smoker", "smoking"),
    *("time", "event", "status", "survival", "os", "os_time", "os_event", "os_status", "dfs"),
    *("pfs", "rfs", "death", "dead", "relapse", "recurrence", "response", "outcome", "follow_up"),
    *("stage", "grade", "score", "subtype", "treatment", "dose", "day", "week", "year", "date"),
    *("batch", "plate", "run", "site", "center", "centre", "rin", "replicate"),
}


def is_date(name):
    """Whether the name of a gene has become a date, or a power of ten."""
    return _DATE.fullmatch(name) is not None or _POWER.fullmatch(name) is not None


def is_counter(name):
    """Whether a row or column of counts is one of reads that belong to no gene."""
    return name in _COUNTERS or name.startswith("__")  # of htseq-count


def as_in_r(name):
    """A name as R writes it in the header of a table."""
    name = re.sub(r"[^\w.]", ".", name)
    return f"X{name}" if re.match(r"[\d_]|\.\d", name) else name


def is_number(cell):
    """Whether a cell holds a number, with a decimal point or comma or none."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_text(cell):
    """Whether a cell holds something that is no number."""
    return cell.strip() not in MISSING and not is_number(cell)


def tells_labels(name):
    """Whether a name is one that labels often have."""
    return name.lower() in _LABEL_NAMES


def tells_genes(name):
    """Whether a name is one that a column of genes' names often has."""
    return name.lower().replace(" ", "_") in _GENE_NAMES


def tells_samples(name):
    """Whether a name is one that a column of samples' names or numbers often has."""
    words = name.lower().replace(" ", "_").replace(".", "_")
    return name != "IDS" and (words in _SAMPLE_NAMES or words in _PATIENT_NAMES)  # IDS is a gene


def tells_clinic(name):
    """Whether a name is one of what is known of a sample beside its genes."""
    return name.lower().replace(" ", "_").replace(".", "_") in _CLINICAL_NAMES


def tells_patients(name):
    """Whether a name is one of a column of patients, who may have several samples."""
    return name.lower().replace(" ", "_").replace(".", "_") in _PATIENT_NAMES
