"""Tables and pictures of the accuracy study."""

import numpy as np
from methods import DEFAULT, REGRESSION, TUNED
from ranking import (
    average_ranks,
    compare,
    critical_difference,
    friedman,
    holm,
    plot_ranks,
    plot_scores,
)
from records import group_by
from reporting import digits, gain, mean_gain, print_table, shown_gain


class Section:
    """The methods on the data sets of one group, or of several.

    Parameters
    ----------
    title : str
    score : str
        Name of what is measured.
    names : list of str
        Data sets.
    records : dict
        Lists of results by data set and method, only those that have all splits.
    is_union : bool
        Of several groups that have sections of their own: no columns of single data sets.
    changed : sequence of str
        Methods that are the default with other parameters: what they gain on it is told.

    Attributes
    ----------
    methods : list of str
        Those that have results, the best mean first.
    common : list of str
        The data sets that all these methods have: means and ranks are over them.
    """

    def __init__(self, title, score, names, records, is_union=False, changed=()):
        self.is_union, self.changed = is_union, changed
        self.title, self.score, self.names, self._records = title, score, names, records
        self.methods = list(dict.fromkeys(method for name, method in records if name in names))
        self.common = [
            name for name in names if all((name, method) in records for method in self.methods)
        ]
        self.reference = DEFAULT if DEFAULT in self.methods else next(iter(self.methods), None)
        if self.common:
            means = self.matrix().mean(axis=0)
            self.methods = [self.methods[place] for place in np.argsort(-means, kind="stable")]

    def value(self, name, method, what="score", of=np.mean):
        records = self._records.get((name, method))
        return float(of([record[what] for record in records])) if records else np.nan

    def matrix(self, what="score"):
        """Means over the splits, of the common data sets by the methods."""
        return np.array(
            [[self.value(name, method, what) for method in self.methods] for name in self.common]
        )

    def report(self):
        """Print all tables; return the figures."""
        if len(self.methods) == 0:
            print(f"\n## {self.title}: no results")
            return {"title": self.title}
        ranks = average_ranks(self.matrix()) if self.common else None
        self._print_scores(ranks)
        document = {
            "title": self.title,
            "score": self.score,
            "methods": self.methods,
            "means": self._table(),
            "spreads": self._table(of=np.std),
            "fit_seconds": self._table("fit_seconds"),
            "predict_seconds": self._table("predict_seconds"),
            "ranks": None if ranks is None else ranks.tolist(),
        }
        if len(self.common) > 1 and len(self.methods) > 1:
            document |= self._report_tests()
        if self.reference == DEFAULT and not self.is_union:
            document["gains"] = self._report_gains()
        return document

    def _table(self, what="score", of=np.mean):
        values = {
            name: [self.value(name, method, what, of) for method in self.methods]
            for name in self.names
        }
        # JSON has no nan.
        return {
            name: [None if np.isnan(value) else value for value in each]
            for name, each in values.items()
        }

    def _print_scores(self, ranks):
        n_splits = max(map(len, self._records.values()))
        more = ""
        if len(self.common) < len(self.names):
            more = f"; mean and rank over {', '.join(self.common) or 'none'}"
        print(f"\n## {self.title}: {self.score}, mean over {n_splits} splits{more}")
        last = ["–"] * len(self.methods) if ranks is None else [f"{rank:.2f}" for rank in ranks]
        self._print_table("{:.3f}".format, last=("average rank", last))
        if not self.is_union:
            print(f"\n{self.title}: standard deviation over the splits")
            self._print_table("{:.3f}".format, of=np.std)
        print(f"\n{self.title}: seconds of a fit")
        self._print_table(digits, "fit_seconds")

    def _print_table(self, show, what="score", of=np.mean, last=None):
        shown = [] if self.is_union else self.names

        def rows():
            for place, method in enumerate(self.methods):
                values = [self.value(name, method, what, of) for name in shown]
                common = [self.value(name, method, what, of) for name in self.common]
                values.append(np.mean(common) if common else np.nan)
                cells = ["–" if np.isnan(value) else show(value) for value in values]
                yield [method, *cells, *([last[1][place]] if last else [])]

        print_table(["method", *shown, "mean", *([last[0]] if last else [])], rows())

    def _report_gains(self):
        """What each configuration gains on the default, over the splits that they share."""
        gains = {
            label: {
                name: gain(*(self._scores(name, method) for method in (label, DEFAULT)))
                for name in self.common
            }
            for label in self.changed
            if label in self.methods and self.common
        }
        if gains:
            print(f"\n{self.title}: minus {DEFAULT} ± standard error, over paired splits")
            print_table(
                ["method", *self.common, "mean"],
                (
                    [label, *map(shown_gain, [*each.values(), mean_gain([*each.values()])])]
                    for label, each in gains.items()
                ),
            )
        return gains

    def _scores(self, name, method):
        return [record["score"] for record in self._records[name, method]]

    def _report_tests(self):
        """The reference method beside each other one, and all at once."""
        scores = self.matrix()
        ours = scores[:, self.methods.index(self.reference)]
        others = [method for method in self.methods if method != self.reference]
        pairs = [compare(ours, scores[:, self.methods.index(method)]) for method in others]
        tested = pairs[0]["p"] is not None
        corrected = holm([pair["p"] for pair in pairs]) if tested else [None] * len(pairs)
        print(f"\n{self.title}: {self.reference} against each, over {len(ours)} data sets")
        print_table(
            [
                *(f"{self.reference} against", "wins", "ties", "losses", "mean difference"),
                *("p, Wilcoxon", "p, Holm"),
            ],
            (
                [
                    *(method, pair["wins"], pair["ties"], pair["losses"]),
                    f"{pair['difference']:+.3f}",
                    *("–" if p is None else f"{p:.3f}" for p in (pair["p"], p_corrected)),
                ]
                for method, pair, p_corrected in zip(others, pairs, corrected, strict=True)
            ),
        )
        difference = critical_difference(len(self.methods), len(self.common))
        test = friedman(scores)
        if test:
            print(
                f"\n{self.title}: Friedman's chi squared {test[0]:.2f}, p {test[1]:.2g}; average "
                f"ranks that differ by more than {difference:.2f} differ (Nemenyi, 5 %)."
            )
        return {
            "reference": self.reference,
            "pairs": dict(zip(others, pairs, strict=True)),
            "holm": corrected,
            "friedman": test,
            "critical_difference": difference,
        }


def complete_records(plan, results):
    """Lists of results by data set and method, where all splits of the plan are there."""
    tasks = group_by(plan, lambda task: (task.source.name, task.method))
    return {
        (name, method): [results[task.key] for task in each]
        for (name, method), each in tasks.items()
        if all(task.key in results for task in each)
    }


def make_sections(arguments, plan, results):
    """One section per group, and one of all classification where that is several."""
    records = complete_records(plan, results)
    names = group_by(arguments.sources, lambda source: source.group)
    names = {group: [source.name for source in sources] for group, sources in names.items()}
    sections = [
        Section(
            group,
            "R2" if group == REGRESSION else "accuracy",
            names[group],
            records,
            changed=arguments.set,
        )
        for group in names
    ]
    groups = [group for group in names if group != REGRESSION]
    if len(groups) > 1:
        both = [name for group in groups for name in names[group]]
        sections.append(Section(" and ".join(groups), "accuracy", both, records, is_union=True))
    return sections


def draw(arguments, sections):
    ours = {DEFAULT, "SET static", *arguments.set}
    if arguments.plot:
        plot_scores(
            arguments.plot,
            [
                (
                    section.title,
                    section.score,
                    section.methods,
                    [panel(section, name) for name in section.names],
                )
                for section in sections
                if section.methods and not section.is_union
            ],
            ours,
        )
    if arguments.plot_ranks:
        ranked = [
            (section.title, section.methods, average_ranks(section.matrix()), len(section.common))
            for section in sections
            if len(section.common) > 1 and len(section.methods) > 1
        ]
        if ranked:
            plot_ranks(arguments.plot_ranks, ranked, ours)


def panel(section, name):
    means = [section.value(name, method) for method in section.methods]
    return name, means, [section.value(name, method, of=np.std) for method in section.methods]


def report_tuning(plan, results):
    """Print what the search adds on each data set; return the figures."""
    records = complete_records(plan, results)
    document = {}
    for source in dict.fromkeys(task.source for task in plan):
        default, searched = (records.get((source.name, method)) for method in (DEFAULT, TUNED))
        if default and searched:
            document[source.name] = {
                "default": [record["score"] for record in default],
                "tuned": [record["score"] for record in searched],
                "fit_seconds": float(np.mean([record["fit_seconds"] for record in searched])),
                "chosen": [record["chosen"] for record in searched],
            }

    def rows():
        for name, each in document.items():
            gain = np.subtract(each["tuned"], each["default"])
            chosen = ", ".join(
                f"{choice['epsilon']:g}/{choice['zeta']:g}" for choice in each["chosen"]
            )
            means = (f"{np.mean(each[what]):.3f}" for what in ("default", "tuned"))
            gained = f"{gain.mean():+.3f} ± {gain.std():.3f}"
            yield [name, *means, gained, chosen, digits(each["fit_seconds"])]

    header = ["data", "default", "tuned", "gain over the folds", "chosen epsilon/zeta by fold"]
    print_table([*header, "s per search"], rows())
    if document:
        gains = [np.mean(each["tuned"]) - np.mean(each["default"]) for each in document.values()]
        print(f"\nMean gain over {len(gains)} data sets: {np.mean(gains):+.3f}.")
    return document
