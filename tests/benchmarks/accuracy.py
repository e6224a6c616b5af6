r"""Accuracy of the estimators on real data beside what else scikit-learn's users have.

    python tests/benchmarks/accuracy.py FOLDER --results study.jsonl
    python tests/benchmarks/accuracy.py FOLDER --results study.jsonl --groups microarray \
        --plot scores.png --plot-ranks ranks.png
    python tests/benchmarks/accuracy.py --data iris wine diabetes --methods SET Logistic MLP
    python tests/benchmarks/accuracy.py FOLDER --results study.jsonl --groups microarray \
        --methods SET --set "dense start: epsilon=40" --set "long: tol=0, n_iter_no_change=inf"
    python tests/benchmarks/accuracy.py FOLDER --results study.jsonl --data golub khan --tune
    python tests/benchmarks/accuracy.py FOLDER --results study.jsonl --groups microarray \
        --methods SET "SET static" Ridge --repeats 10
    python tests/benchmarks/accuracy.py FOLDER --results study.jsonl --groups microarray \
        --methods SET HistGradientBoosting Centroids LassoNet GeneICL

FOLDER holds NAME.npz with arrays X and y, or NAME_X.npz of scipy.sparse.save_npz and NAME_y.npz
with y.  Without it there are the data sets that scikit-learn ships or generates; a NAME that is
not in the groups is looked for in FOLDER too.

Five folds, twice or --repeats times, the same for every method; stratified where there are
classes, of which those of fewer than five samples are left out.  Every method gets float32 behind
StandardScaler (MaxAbsScaler where X is sparse), behind sign(x) log(1 + |x|) where X holds raw
intensities (largest above 100), all inside the pipeline.  Targets of a regression are
standardised for all methods.  The seed is the number of the split.  Scores are accuracy, of
regressions R2; seconds are those of one thread, with as many fits at a time as there are jobs.
What --set adds is also compared with SET split by split.  Splits share training samples, so the
standard error of the mean difference is a little too small.

HistGradientBoosting, Centroids (nearest shrunken ones, the threshold by inner folds), LassoNet and
GeneICL are fitted only if --methods names them.  The last two are left out with a message where
their packages lassonet and geneicl are not installed.

FILE of --results gets one line of JSON per fit and is complete at any time: what it holds is
not computed again, a changed default or parameter is another configuration.  --tune compares
the default with a grid search over epsilon and zeta inside the training parts of the first
repeat; --plot and --plot-ranks are not for it.
"""

import itertools
import sys
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from methods import (
    CLASSIFIERS,
    DEFAULT,
    GROUPS,
    MAX_REPEATS,
    N_FOLDS,
    N_REPEATS,
    REGRESSORS,
    TUNED,
    Source,
    configuration,
    load,
    measure,
    methods_of,
    pipeline,
    tuned,
)
from others import OTHERS, without_missing
from records import Results, described_versions, make_task
from reporting import make_parser, print_machine, write_json
from sections import draw, make_sections, report_tuning


def main():
    arguments = parse()
    results = Results(arguments.results)
    plan = make_plan(arguments)
    if not arguments.report:
        missing = {task.key: task for task in plan if task.key not in results}
        fit_all(list(missing.values()), results, arguments.jobs)
    print_machine()
    for note in results.notes(plan):
        print(f"\n{note}")
    if arguments.tune:
        document = report_tuning(plan, results)
    else:
        sections = make_sections(arguments, plan, results)
        document = [section.report() for section in sections]
        draw(arguments, sections)
    write_json(arguments.json, document)


def parse():
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("folder", type=Path, nargs="?", metavar="FOLDER", help="of data sets that are files")
    add("--groups", nargs="+", default=list(GROUPS), choices=GROUPS, metavar="GROUP")
    add("--data", nargs="+", metavar="NAME", help="these data sets only")
    add("--methods", nargs="*", metavar="METHOD", help="these methods only")
    add("--set", action="append", default=[], metavar="LABEL: PARAMETER=VALUE, ...")
    add(
        "--repeats",
        type=int,
        default=N_REPEATS,
        choices=range(1, MAX_REPEATS + 1),
        metavar="N",
        help=f"of the {N_FOLDS} folds; the first are the same for any number",
    )
    add("--tune", action="store_true", help="what a grid search adds to the defaults")
    add("--results", type=Path, metavar="FILE", help="go on with this file")
    add("--report", action="store_true", help="only tell what is in the file")
    add("--jobs", type=int, default=-1, metavar="N", help="fits at a time; all processors")
    add("--plot", type=Path, metavar="FILE.png", help="scores by data set and method")
    add("--plot-ranks", type=Path, metavar="FILE.png", help="critical-difference diagrams")
    arguments = parser.parse_args()
    try:
        arguments.set = dict(map(configuration, arguments.set))
        arguments.sources = choose_sources(arguments)
        for group in {source.group for source in arguments.sources}:
            methods_of(group, arguments.set)
    except ValueError as error:
        parser.error(str(error))
    if arguments.tune and (arguments.set or arguments.methods is not None):
        parser.error("--tune is about the default: it goes without --set and --methods")
    known = {*CLASSIFIERS, *REGRESSORS, *OTHERS}
    for unknown in {*(arguments.methods or ())} - known:
        parser.error(f"there is no method {unknown!r}; there are {', '.join(sorted(known))}")
    for label in known & {*arguments.set}:
        parser.error(f"the label {label!r} is the name of a method")
    if arguments.methods is not None:
        arguments.methods = without_missing(arguments.methods)
    return arguments


def choose_sources(arguments):
    """The data sets that are asked for; those that need a folder only where there is one."""
    groups = {name: group for group in arguments.groups for name in GROUPS[group]}
    everywhere = {name: group for group, names in GROUPS.items() for name in names}
    names = arguments.data or list(groups)
    sources = [Source(name, everywhere.get(name, "other"), arguments.folder) for name in names]
    for source in sources:
        if source.missing and (arguments.data or arguments.folder):
            raise ValueError(f"no data set {source.name!r}: {source.missing}")
    left_out = [source.name for source in sources if source.missing]
    if left_out:
        print(f"Without FOLDER there are no {', '.join(left_out)}.", file=sys.stderr)
    sources = [source for source in sources if not source.missing]
    if not sources:
        raise ValueError("no data sets: these groups need FOLDER")
    return sources


# -------------------------------------------------------------------------------- measurement


def make_plan(arguments):
    """All tasks, the largest data sets first, so that no worker is left with one at the end."""
    tasks = []
    for source in arguments.sources:
        shape = load(source)[0].shape
        if arguments.tune:
            makers = methods_of(source.group, {}, [DEFAULT])
            n_splits = N_FOLDS
        else:
            makers = methods_of(source.group, arguments.set, arguments.methods)
            n_splits = N_FOLDS * arguments.repeats
        for split, (method, make) in itertools.product(range(n_splits), makers.items()):
            tasks.append(make_task(source, method, split, pipeline(source, make(split)), shape))
        if arguments.tune:
            for split in range(n_splits):
                tasks.append(make_task(source, TUNED, split, tuned(source, split), shape))
    return sorted(tasks, key=lambda task: -task.shape[0] * task.shape[1])


def fit_all(tasks, results, n_jobs):
    """Run the tasks in processes of one thread each, and keep each outcome as it comes."""
    versions = described_versions()
    with parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
        outcomes = parallel(delayed(run)(number, task) for number, task in enumerate(tasks))
        for done, (number, outcome) in enumerate(outcomes, start=1):
            task = tasks[number]
            results.add(task, outcome, versions)
            told = outcome.get("error") or f"{outcome['score']:.3f}, {outcome['fit_seconds']:.2f} s"
            print(
                f"{done} of {len(tasks)}: {task.source.name}, {task.method}, split {task.split}:",
                told,
                file=sys.stderr,
            )


def run(number, task):
    return number, measure(task.model, task.source, task.split)


if __name__ == "__main__":
    main()
