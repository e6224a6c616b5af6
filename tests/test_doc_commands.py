"""Commands of the documentation: scripts have the options, tools the versions, that are named."""

import re
import shlex
import subprocess
import sys
import tomllib

import pytest
from doc_pages import CORE, PAGES, ROOT, blocks_of

if not (CORE.is_dir() and (ROOT / "doc").is_dir() and (ROOT / "setup.py").is_file()):
    pytest.skip("the sources and the documentation are not in this copy", allow_module_level=True)


def commands():
    """Words of every line of a shell that a page shows."""
    for page in PAGES:
        for block in blocks_of(page):
            if block.language in ("", "bash", "sh") and block.source is None:
                for line in block.code.replace("\\\n", " ").splitlines():
                    if re.match(r"([A-Z_]+=\S+ )*(pip|python) ", line):
                        yield [
                            word
                            for word in shlex.split(line, comments=True)
                            if not re.match(r"[A-Z_]+=", word)
                        ]


COMMANDS = list(commands())
TOLD = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SCRIPTS = sorted({words[1] for words in COMMANDS if words[1].endswith(".py")} - {"my_script.py"})


def test_there_are_commands():
    assert len(COMMANDS) > 40
    assert {"tests/mutants.py", "tests/attack/fuzz.py"} <= set(SCRIPTS)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_have_the_options_that_are_shown(script):
    options = {
        word
        for words in COMMANDS
        if words[1] == script
        for word in words[2:]
        if word.startswith("--")
    }
    done = subprocess.run(
        [sys.executable, ROOT / script, "--help"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert options <= set(re.findall(r"--[a-z][\w-]*", done.stdout))


def test_tools_of_the_build_are_renewed():
    """A virtual environment may begin with a setuptools that is too old."""
    required = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"][
        "requires"
    ]
    found = [words for words in COMMANDS if any(word.startswith("setuptools") for word in words)]
    assert found
    for words in found:
        assert words[:3] == ["pip", "install", "--upgrade"]
        assert set(words[3:]) == set(required)


def test_groups_and_extras_that_are_installed_exist():
    for words in COMMANDS:
        if "--group" in words:
            assert words[words.index("--group") + 1] in TOLD["dependency-groups"]
        for extra in re.findall(r"\.\[(\w+)\]", " ".join(words)):
            assert extra in TOLD["project"]["optional-dependencies"]
