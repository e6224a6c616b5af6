"""The program: what is done in which order, what is said, and how it ends.

Exit codes: 0 for a report, 2 for what cannot be understood, 1 for another failure, 130 for Ctrl-C.
Results go to standard output, progress and refusals to standard error.
"""

from __future__ import annotations

import re
import shlex
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager

from sklearn_set._cli.comparing import check_folds, compare, folds_of
from sklearn_set._cli.files import read_samples, refusing
from sklearn_set._cli.files.frames import import_pandas
from sklearn_set._cli.files.messages import one_line
from sklearn_set._cli.findings import (
    Findings,
    folds_in_words,
    genes_table,
    remark_on_genes,
    scores_table,
    verdict,
    warning_on_genes,
    warnings_told,
)
from sklearn_set._cli.genes import ranking_of
from sklearn_set._cli.methods import OURS, methods_for, pipeline_of, title_of
from sklearn_set._cli.options import parser
from sklearn_set._cli.pictures import import_matplotlib
from sklearn_set._cli.understanding import understand
from sklearn_set._cli.writing import chosen_folder, write_report

DONE, FAILED, MISUNDERSTOOD, INTERRUPTED = 0, 1, 2, 130


def main(arguments=None):
    """Run the program.

    Parameters
    ----------
    arguments : list of str, default=None
        The words of the command line after the program's name. None means those of this process.

    Returns
    -------
    code : int
        The exit code.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = parser().parse_args(words)
    command = shlex.join(["sklearn-set", *words])
    folder = None
    with _interrupts() as check_stop:
        try:
            if not options.dry_run:
                folder = chosen_folder(options.output, options.file)
                _tell_place(folder, options.output)
            study, folds = _prepare(options)
        except (ImportError, OSError, ValueError) as error:
            return _end(error, MISUNDERSTOOD)
        except MemoryError as error:
            return _end(error, FAILED)
        except KeyboardInterrupt:
            return _end("Interrupted: nothing was written.", INTERRUPTED)
        if options.dry_run:
            return DONE
        try:
            findings = _find(options, study, folds, check_stop)
            write_report(findings, folder, command)
            _tell(findings, folder)
        except (MemoryError, OSError, ValueError) as error:
            return _end(error, FAILED)
        except KeyboardInterrupt:
            is_there = (folder / "report.html").exists()
            told = f"{folder} is complete" if is_there else "nothing was written"
            return _end(f"Interrupted: {told}.", INTERRUPTED)
    return DONE


def _tell_place(folder, asked):
    """Say where the report goes if an earlier one has the place that its user expects."""
    first = folder.with_name(re.sub(r"-report-\d+$", "-report", folder.name))
    if asked is None and first != folder:
        _write(sys.stderr, f"{first} is there already: this report goes to {folder}.")


def _prepare(options):
    """Read and understand; everything that can be refused is refused here."""
    import_pandas()
    import_matplotlib()
    samples = read_samples(
        options.file,
        options.target,
        groups=options.groups,
        ignore=options.ignore,
        annotations=options.annotations,
    )
    with refusing(options.file):
        study = understand(samples, options.file.name, task=options.task, raw=options.raw)
    _say(*study.notes)
    check_folds(study, options.folds)
    return study, folds_of(study, options.folds, options.repeats, options.seed)


def _find(options, study, folds, check_stop):
    """Compare, rank the genes, train the model that is saved."""
    methods = methods_for(study, options.methods)
    began = time.monotonic()
    comparison = compare(
        study, methods, folds, seed=options.seed, n_jobs=options.jobs, check_stop=check_stop
    )
    model = pipeline_of(OURS, study, options.seed, takes_logarithms=study.takes_logarithms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same were counted on the folds
        model.fit(_with_names(study), study.y)
    check_stop()
    sys.stderr.write(f"{len(methods) * len(folds)} fits took {time.monotonic() - began:.0f} s.\n")
    ranking = ranking_of(study, comparison.strengths)
    return Findings(study, comparison, ranking, model, options.folds, options.repeats, options.seed)


def _with_names(study):
    """X as a frame, so that the model knows its genes; sparse X stays as it is."""
    if study.is_sparse:
        return study.X
    return import_pandas().DataFrame(study.X, index=study.samples, columns=study.genes)


def _tell(findings, folder):
    """Results on standard output."""
    _say(
        f"\nMeans ± standard deviations over {folds_in_words(findings)}; seconds per fit:\n",
        scores_table(findings).as_text(),
        f"\n{verdict(findings)}",
        *warnings_told(findings),
        f"\nThe strongest genes of {title_of(OURS, findings.study)}:\n",
        *[f"{told}\n" for told in warning_on_genes(findings)],
        genes_table(findings).as_text(),
        f"\n{remark_on_genes(findings)}",
        f"\nThe report is {folder / 'report.html'}; README.md beside it lists the rest.",
    )


def _say(*sentences):
    _write(sys.stdout, "\n".join(sentences))


def _end(told, code):
    """One line on standard error, and the exit code."""
    _write(sys.stderr, f"sklearn-set: {one_line(told)}")
    return code


def _write(stream, text):
    """Write a text, with a question mark for each letter that the stream has not."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


@contextmanager
def _interrupts():
    """Ctrl-C ends the program also where an estimator takes it for the end of its training.

    Yields
    ------
    check_stop : function
        Raises KeyboardInterrupt if there was a Ctrl-C that someone has swallowed.
    """
    stopped = threading.Event()

    def stop(number, frame):
        stopped.set()
        raise KeyboardInterrupt

    def check_stop():
        if stopped.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check_stop  # signals do not come here
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield check_stop
    finally:
        signal.signal(signal.SIGINT, before)
