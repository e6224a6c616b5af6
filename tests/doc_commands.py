"""Commands that the documentation shows, and which of them the tests do not run; for its tests."""

import functools
import re
import shlex
import textwrap
from dataclasses import dataclass

from doc_pages import FENCE, PAGES, blocks_of, text_of

# What a command begins with.  Lines that only look like a command are noticed by a test.
PROGRAMS = (
    *("apt", "apt-get", "bash", "brew", "cibuildwheel", "conda", "curl", "diff", "docker"),
    *("export", "for", "gcc", "git", "make", "mamba", "pip", "pipx", "podman", "pre-commit"),
    *("pytest", "python", "python3", "sh", "sklearn-set", "sphinx-build", "sudo", "twine", "uv"),
    *("wget", "xcode-select"),
)
VARIABLES = r"(?:[A-Z][A-Z_]*=\S+ +)*"
BEGINS = re.compile(rf"{VARIABLES}(?:{'|'.join(PROGRAMS)})(?= |$)")
# A word, then an option or a file.
LOOKS_LIKE = re.compile(r"[a-z][\w./-]*( \w[\w-]*)? (--?[a-z]|\S+\.(py|csv|txt|toml|md)\b)")
SHELLS = ("sh", "bash", "shell", "console")

# Who runs a command, by how it begins.
RUN_BY = {
    "test_benchmarks_understand": r"python tests/(benchmarks/\w+|mutants)\.py",
    "test_scripts_run": r"python (-c|-m pytest|(-P )?tests/(bits|kinds_of_files|attack/\w+)\.py"
    r"|doc/ex)|diff",
    "test_make": r"make ",
    "test_doc_installs.py": r"(python -m )?pip install|pre-commit install|sklearn-set |twine check"
    r"|python (-m (sklearn_set|build)|my_script)",
    "nobody: it only sets a variable": r"export [A-Z_]+=\d+$",
}
# Commands that no test runs, and why.  All others are run, as they are or in a shorter form.
NOT_RUN = {
    r"apt install ": "needs root",
    r"xcode-select ": "only macOS has it",
    r"brew ": "needs macOS",
    r"export (CPPFLAGS|LDFLAGS)=.*brew": "needs macOS",
    r"cibuildwheel": "needs Docker or Podman, for other architectures an emulator, and hours",
    r"twine upload ": "would publish a release; needs the rights to do so",
    r"uv run --no-sync python benchmark_my_model/": "a script of another project's repository",
    r"pip install lassonet geneicl$": "large packages of others, which need PyTorch",
}


@dataclass(frozen=True)
class Command:
    """A command of a page, in one line, and where it stands."""

    page: str
    line: int
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def words(self):
        """Its words, without variables before it and without files that take its output."""
        text = re.sub(r" >+ *\S+", "", re.sub(rf"^{VARIABLES}", "", self.text))
        return shlex.split(text)


def lines_of(block):
    """(line, text) of what a block tells a shell; of a session only what follows the prompt."""
    lines = block.code.splitlines()
    has_prompts = any(line.startswith("$ ") for line in lines)
    joined = ""
    for place, line in enumerate(lines):
        if not (joined or line.startswith("$ ")) and has_prompts:
            continue
        joined += re.sub(r"(^|\s+)# .*$", "", line.strip()).removeprefix("$ ")
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        yield block.line + place, joined
        joined = ""


def is_of_a_shell(block):
    """Whether a block tells a shell what to do: it says so, or begins with a command."""
    if block.language in SHELLS:
        return True
    first = textwrap.dedent(block.code).lstrip().partition("\n")[0]
    quoted = block.source is not None
    return not quoted and block.language == "" and bool(BEGINS.match(first.removeprefix("$ ")))


def commands_of_blocks(page):
    """Every line of a shell; of a loop what it repeats, with 0 for its variable."""
    for block in filter(is_of_a_shell, blocks_of(page)):
        for line, text in lines_of(block):
            if text and text != "done" and not re.match(r"for \w+ in .*; do$", text):
                yield Command(page.name, line, re.sub(r"\$\w+", "0", text))


def commands_of_prose(page):
    """What stands in single quotes of code and begins like a command with an argument."""
    prose = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text_of(page))
    for match in re.finditer(r"(?<!`)`([^`]+)`(?!`)", prose):
        text = " ".join(match[1].split())
        if (found := BEGINS.match(text)) and found.end() < len(text):
            yield Command(page.name, prose.count("\n", 0, match.start()) + 1, text)


@functools.cache
def commands_of(pages):
    """All commands of some pages; equal ones once."""
    found = {}
    for page in pages:
        for command in (*commands_of_blocks(page), *commands_of_prose(page)):
            found.setdefault(command.text, command)
    return list(found.values())


def commands():
    """All commands of the documentation."""
    return commands_of(tuple(PAGES))


def not_run(command):
    """Why no test runs a command; "" if one does."""
    return next((why for text, why in NOT_RUN.items() if re.match(text, command.text)), "")


def run_by(who):
    """The commands that a test runs."""
    begins = re.compile(rf"{VARIABLES}({RUN_BY[who]})")
    return [each for each in commands() if begins.match(each.text) and not not_run(each)]
