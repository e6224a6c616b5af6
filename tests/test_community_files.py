"""Pages, forms, workflows and hooks around the project name what exists, and say one thing."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import sklearn_set

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"

if not GITHUB.is_dir():
    pytest.skip("what is around the project is not in this copy", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*_*.yml"))
YAML_FILES = [
    *sorted(path for kind in ("yml", "cff") for path in GITHUB.rglob(f"*.{kind}")),
    *sorted(ROOT.glob(".*.yaml")),
]
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


class Loader(yaml.SafeLoader):
    """YAML whose mappings have every key once, and in which `on` is a word."""


def mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    assert len(set(keys)) == len(keys), f"a key is given twice: {node.start_mark}"
    return loader.construct_mapping(node)


Loader.add_constructor("tag:yaml.org,2002:map", mapping)
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def load(text):
    loader = Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def content(path):
    return load(path.read_text("utf-8"))


def jobs_of(path):
    return content(path)["jobs"].values()


def steps_of(path):
    return [step for job in jobs_of(path) for step in job["steps"]]


def commands():
    """(workflow, words) of every command of the workflows."""
    return [
        (path.name, shlex.split(line, comments=True))
        for path in WORKFLOWS
        for step in steps_of(path)
        for line in re.split(r"\n|&&", step.get("run", ""))
        if line.strip()
    ]


def test_files_are_where_hosts_look():
    for name in (
        *("CITATION.cff", "CONTRIBUTING.md", "SECURITY.md", "PULL_REQUEST_TEMPLATE.md"),
        *("dependabot.yml", "ISSUE_TEMPLATE/config.yml"),
    ):
        assert (GITHUB / name).is_file(), name
    assert {path.stem for path in WORKFLOWS} == {"tests", "wheels"}
    assert {path.stem for path in FORMS} == {"bug_report", "feature_request"}
    assert len(YAML_FILES) >= 9


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_yaml_is_well_formed(path):
    assert isinstance(content(path), dict)


def test_the_loader_finds_a_key_that_is_given_twice():
    assert load("on: {push: true}") == {"on": {"push": True}}
    with pytest.raises(AssertionError, match="twice"):
        load("a: 1\nb: {c: 1, c: 2}")


# ----------------------------------------------------------------------------------- workflows


def supported_pythons():
    """What the classifiers of pyproject.toml promise, "3.11" and so on."""
    stated = re.findall(
        r":: Python :: (3\.\d+)$", "\n".join(PROJECT["project"]["classifiers"]), re.M
    )
    assert stated[0] == PROJECT["project"]["requires-python"].removeprefix(">=")
    return stated


def runs_of_tests():
    """(system, Python) of every run of the tests."""
    matrix = content(GITHUB / "workflows" / "tests.yml")["jobs"]["test"]["strategy"]["matrix"]
    plain = [(system, python) for system in matrix["os"] for python in matrix["python"]]
    return plain + [(run["os"], run["python"]) for run in matrix["include"]]


def test_every_supported_python_is_tested_and_gets_wheels():
    pythons = supported_pythons()
    assert [python for system, python in runs_of_tests() if system == "ubuntu-latest"] == pythons
    builds = [f"cp{python.replace('.', '')}-*" for python in pythons]
    assert PROJECT["tool"]["cibuildwheel"]["build"] == builds


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_the_oldest_and_the_newest_python_are_tested_on(system):
    pythons = supported_pythons()
    found = {python for where, python in runs_of_tests() if where.startswith(f"{system}-")}
    assert found >= {pythons[0], pythons[-1]}


def test_every_other_python_that_is_named_is_supported():
    named = [
        step["with"]["python-version"]
        for path in WORKFLOWS
        for step in steps_of(path)
        if "with" in step and "python-version" in step["with"]
    ]
    named = {python for python in named if "matrix" not in python}
    named.add(content(ROOT / ".readthedocs.yaml")["build"]["tools"]["python"])
    assert named <= set(supported_pythons())


def test_wheels_are_built_on_every_system():
    (systems,) = (
        job["strategy"]["matrix"]["os"]
        for job in jobs_of(GITHUB / "workflows" / "wheels.yml")
        if "strategy" in job
    )
    assert {system.partition("-")[0] for system in systems} == {"ubuntu", "macos", "windows"}
    # Homebrew builds libomp for the system that it runs on.
    target = PROJECT["tool"]["cibuildwheel"]["macos"]["environment"]["MACOSX_DEPLOYMENT_TARGET"]
    assert [each for each in systems if "macos" in each] == [f"macos-{float(target):.0f}"]


def test_targets_of_make_exist():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    called = {words[1] for _, words in commands() if words[0] == "make"}
    assert called >= {"lint", "test", "doc"}
    assert called <= set(targets)


def test_groups_that_are_installed_exist():
    called = {words[words.index("--group") + 1] for _, words in commands() if "--group" in words}
    assert called == {"release", "test"}
    assert called <= set(PROJECT["dependency-groups"])


def test_commands_are_known():
    # Those that a group installs, those of the system, and make.
    known = {"brew", "cibuildwheel", "echo", "make", "python", "sudo", "twine"}
    assert {words[0] for _, words in commands()} == known
    modules = {words[2] for _, words in commands() if words[:2] == ["python", "-m"]}
    assert modules == {"build", "pip", "pytest"}
    release = {Requirement(each).name for each in PROJECT["dependency-groups"]["release"]}
    assert release == {"build", "cibuildwheel", "twine"}


def test_macos_gets_openmp_as_the_documentation_says():
    environment = PROJECT["tool"]["cibuildwheel"]["macos"]["environment"]
    page = (ROOT / "doc" / "install.md").read_text("utf-8")
    told = {words[1] for name, words in commands() if words[0] == "echo" and name == "tests.yml"}
    for variable in ("CPPFLAGS", "LDFLAGS"):
        assert f'{variable}="{environment[variable]}"' in page
        assert f"{variable}={environment[variable]}" in told
    brew = PROJECT["tool"]["cibuildwheel"]["macos"]["before-all"]
    assert brew in page
    assert brew.split() in [words for _, words in commands()]


def test_tests_fail_where_openmp_is_missing():
    assert content(GITHUB / "workflows" / "tests.yml")["env"]["SKLEARN_SET_OPENMP"] == "1"
    for system in ("linux", "macos", "windows"):
        environment = PROJECT["tool"]["cibuildwheel"][system]["environment"]
        assert environment["SKLEARN_SET_OPENMP"] == "1"


@every_workflow
def test_workflows_may_only_read(path):
    assert content(path)["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in jobs_of(path))
    assert "secrets." not in path.read_text("utf-8")


@every_workflow
def test_every_step_runs_a_command_or_an_action_of_a_version(path):
    for step in steps_of(path):
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))
    (update,) = content(GITHUB / "dependabot.yml")["updates"]
    assert (update["package-ecosystem"], update["directory"]) == ("github-actions", "/")


# --------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms_have_what_github_asks_for(path):
    form = content(path)
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "body", "labels"}
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    for field in form["body"]:
        assert field["type"] == "textarea"
        assert set(field) <= {"type", "id", "attributes", "validations"}
        assert "label" in field["attributes"]
        assert set(field["attributes"]) <= {"label", "description", "render"}
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_a_report_must_tell_the_versions():
    fields = {
        field["id"]: field
        for field in content(GITHUB / "ISSUE_TEMPLATE" / "bug_report.yml")["body"]
    }
    command = re.search(r'`python -c "(.*?)"`', fields["versions"]["attributes"]["description"])[1]
    assert command == "import sklearn_set; sklearn_set.show_versions()"
    assert callable(sklearn_set.show_versions)
    assert fields["versions"]["validations"] == {"required": True}
    assert fields["code"]["validations"] == {"required": True}


def test_addresses_of_the_project():
    addresses = PROJECT["project"]["urls"]
    site = addresses["Documentation"]
    assert addresses["Homepage"] == site
    assert addresses["Changelog"] == f"{site}/changelog.html"
    assert (ROOT / "doc" / "changelog.md").is_file()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"\nVersion {PROJECT['project']['version']} · " in readme
    if "dev" not in PROJECT["project"]["version"]:
        assert addresses.keys() >= {"Source", "Issues"}, "a release says where they are"
        for name in ("Source", "Issues"):
            assert f"]({addresses[name]})" in readme, "and the front page links to them"


def test_links_of_the_forms_lead_to_the_documentation():
    (link,) = content(GITHUB / "ISSUE_TEMPLATE" / "config.yml")["contact_links"]
    assert link["url"] == PROJECT["project"]["urls"]["Documentation"]


# -------------------------------------------------------------------------------------- citation


def papers_in_readme():
    """The papers that README.md asks to cite: their fields in BibTeX."""
    text = (ROOT / "README.md").read_text("utf-8")
    for entry in re.findall(r"^@article\{.*?^\}$", text, re.MULTILINE | re.DOTALL):
        fields = re.findall(r"^  (\w+) *= \{(.*?)\},?$", entry, re.MULTILINE | re.DOTALL)
        yield {name: " ".join(value.split()) for name, value in fields}


def in_bibtex(paper):
    """A paper of CITATION.cff with the fields of BibTeX."""
    fields = {name: str(paper[name]) for name in ("title", "journal", "volume", "year", "doi")}
    if "issue" in paper:
        fields["number"] = paper["issue"]
    fields["pages"] = "--".join(str(paper[name]) for name in ("start", "end") if name in paper)
    fields["author"] = " and ".join(
        f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]
    )
    return fields


def test_citation_is_of_this_package():
    citation = content(GITHUB / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == PROJECT["project"]["name"]
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    assert citation["keywords"] == PROJECT["project"]["keywords"]
    assert citation["abstract"].rstrip(".") == PROJECT["project"]["description"]
    assert citation["url"] == PROJECT["project"]["urls"]["Documentation"]
    holder = re.search(r"^Copyright \(c\) \d+, (.*)$", (ROOT / "LICENSE").read_text("utf-8"), re.M)
    assert citation["authors"] == [{"name": holder[1]}]


def test_citation_is_that_of_the_readme():
    citation = content(GITHUB / "CITATION.cff")
    papers = [citation["preferred-citation"], *citation["references"]]
    assert [in_bibtex(paper) for paper in papers] == list(papers_in_readme())
    assert "](.github/CITATION.cff)" in (ROOT / "README.md").read_text("utf-8")


# ----------------------------------------------------------------------------------------- hooks


def test_hooks_have_the_versions_of_make_lint():
    linters = {
        requirement.name: requirement.specifier
        for requirement in map(Requirement, PROJECT["dependency-groups"]["lint"])
    }
    hooks = {
        hook["id"]: repository["rev"]
        for repository in content(ROOT / ".pre-commit-config.yaml")["repos"]
        for hook in repository["hooks"]
    }
    for hook, linter in (
        ("ruff-check", "ruff"),
        ("ruff-format", "ruff"),
        ("cython-lint", "cython-lint"),
    ):
        assert hooks[hook].startswith("v")
        assert hooks[hook][1:] in linters[linter], hook
        assert str(linters[linter]).count("<") == 1, "another version might find something else"
    called = re.findall(
        r"^\t.*?(ruff check|ruff format|cython-lint)", (ROOT / "Makefile").read_text("utf-8"), re.M
    )
    assert {name.replace(" ", "-") for name in called} <= set(hooks)
    assert len(called) == 3


def test_the_documentation_can_import_every_public_module():
    needed = set(PROJECT["project"]["optional-dependencies"]["dask"])
    assert needed <= set(PROJECT["dependency-groups"]["doc"])
