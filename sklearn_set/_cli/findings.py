"""What came out, as tables and sentences: the same in the terminal, on the page and in files.

Knows studies, comparisons and rankings of genes; must not know pages or terminals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_set._cli.comparing import Comparison
from sklearn_set._cli.files.messages import count
from sklearn_set._cli.genes import IN_MEANS, GeneRanking
from sklearn_set._cli.methods import CHANCE, METHODS, OURS, title_of
from sklearn_set._cli.scoring import SCORES, mean_and_spread
from sklearn_set._cli.tables import Table, as_csv
from sklearn_set._cli.understanding import Study

N_SHOWN = 20


@dataclass
class Findings:
    """All that a run has found."""

    study: Study
    comparison: Comparison
    ranking: GeneRanking
    model: Any  # the pipeline of our network, fitted to all samples
    n_folds: int
    n_repeats: int
    seed: int

    @property
    def ours(self):
        """What our network is called."""
        return title_of(OURS, self.study)

    @property
    def network(self):
        """The fitted network."""
        return self.model[-1]

    @property
    def main_score(self):
        """The score by which methods are compared in words."""
        return "balanced accuracy" if self.study.is_classification else "R²"

    @property
    def is_guessing(self):
        """Whether our network's scores, less their spread, are no better than without genes."""
        mean, spread = mean_and_spread(self.comparison.scores(OURS, self.main_score))
        chance = mean_and_spread(self.comparison.scores(CHANCE, self.main_score))[0]
        return not mean - spread > chance


def scores_table(findings):
    """A line for each method: means and spreads of its scores, seconds for a fit."""
    comparison, rows = findings.comparison, []
    for method in comparison.methods:
        cells = [title_of(method, findings.study)]
        for name in comparison.score_names:
            mean, spread = mean_and_spread(comparison.scores(method, name))
            cells.append("–" if np.isnan(mean) else f"{mean:.3f} ± {spread:.3f}")
        rows.append([*cells, f"{comparison.seconds(method):.2f}"])
    return Table(["method", *comparison.score_names, "seconds"], rows)


def genes_table(findings):
    """A line for each of the strongest genes."""
    ranking, study = findings.ranking, findings.study
    moves = "highest in" if study.is_classification else "as the target rises, it"
    head = [
        "rank",
        "gene",
        moves,
        IN_MEANS,
        f"in the top {ranking.n_top} of",
        ranking.effect_name,
    ]
    rows = []
    for place, gene in enumerate(ranking.order[:N_SHOWN], 1):
        times = f"{ranking.times[gene]} of {ranking.n_models} models"
        effect = f"{ranking.effect[gene]:.3g}"
        strength = f"{ranking.strength[gene]:.1f}"
        rows.append([str(place), study.genes[gene], ranking.effect_of[gene], strength, times])
        rows[-1].append(effect)
    return Table(head, rows, n_words=3, name=1)


def wrong_table(findings):
    """A line for each sample that our network gets wrong; those that others miss come first."""
    study, comparison = findings.study, findings.comparison
    ours = comparison.out_of_fold(OURS)
    others = [each for each in comparison.methods if each not in (OURS, CHANCE)]
    wrong_of = [comparison.out_of_fold(each).labels != study.y for each in others]
    n_wrong = np.sum(wrong_of, axis=0, initial=0) + np.zeros(len(study.y), dtype=int)
    truth = np.searchsorted(study.classes, study.y)
    share = ours.probabilities[np.arange(len(truth)), truth]
    missed = np.flatnonzero(ours.labels != study.y)
    missed = missed[np.lexsort((share[missed], -n_wrong[missed]))]
    rows = [
        [
            study.samples[sample],
            str(study.y[sample]),
            str(ours.labels[sample]),
            f"{share[sample]:.2f}",
            f"{n_wrong[sample]} of {len(others)}",
        ]
        for sample in missed
    ]
    head = ["sample", "true class", "predicted", "probability of the true class"]
    return Table([*head, "other methods wrong"], rows, n_words=3)


def folds_in_words(findings):
    """How the folds were made."""
    parts = [count(findings.n_folds, "fold")]
    if findings.n_repeats > 1:
        parts.append(f"{findings.n_repeats} times")
    if findings.study.groups is not None:
        parts.append("samples of a group together")
    elif findings.study.is_classification:
        parts.append("classes in proportion")
    return ", ".join(parts)


def verdict(findings):
    """A few sentences on how our network fares."""
    comparison, study, name = findings.comparison, findings.study, findings.main_score
    scores = {method: comparison.scores(method, name) for method in comparison.methods}
    mean, spread = mean_and_spread(scores[OURS])
    chance = mean_and_spread(scores[CHANCE])[0]
    told = f"{findings.ours} reaches {name} {mean:.3f} ± {spread:.3f}; chance is {chance:.3f}."
    if findings.is_guessing:
        told += " That is no better than guessing, so the list of genes means nothing."
    others = [method for method in comparison.methods if method not in (OURS, CHANCE)]
    if not others:
        return told
    best = max(others, key=lambda method: scores[method].mean())
    told += f" The best of the others is {title_of(best, study)} with {scores[best].mean():.3f}."
    difference, spread = mean_and_spread(scores[best] - scores[OURS])
    better = title_of(best, study) if difference > 0 else findings.ours
    if abs(difference) <= spread:
        return told + (
            " The difference is within its spread over the folds: these samples cannot tell which "
            "of the two is better."
        )
    return told + (
        f" On these folds {better} is better: the difference, {abs(difference):.3f}, is larger "
        f"than its spread, {spread:.3f}."
    )


def warning_on_genes(findings):
    """What to know before the table of genes is read: a sentence, or none."""
    if not findings.is_guessing:
        return []
    return [
        f"{findings.ours} is no better than guessing, so this list of genes means nothing: a list "
        "of noise looks like it."
    ]


def remark_on_genes(findings):
    """What the table of genes says."""
    ranking = findings.ranking
    return (
        "Strength is the sum of the sizes of a gene's connections; the mean gene has 1. "
        f"{_effect_in_words(findings)} Each of "
        f"{count(ranking.n_models, 'model')} was trained without one fold. The table says how many "
        f"of them rank a gene among their {ranking.n_top} strongest. A gene that few of them rank "
        f"there is no finding. A gene that all rank there may be none, either{_shared(findings)}. "
        "How certain a selection is, StabilitySelector of sklearn_set.feature_selection tells: see "
        '"How certain" in guide/genes.md of the documentation.'
    )


def _effect_in_words(findings):
    """What the last column of the table of genes is."""
    name, study = findings.ranking.effect_name, findings.study
    if not study.is_classification:
        return "Correlation is that of a gene with the target, over all samples."
    other = "the other class" if len(study.classes) == 2 else "the class with the next lower mean"
    units = "on the scale of the table"
    if name.startswith("log2"):
        units = "in logarithms to the base 2: 1 means about twice as much"
    elif name.startswith("difference in SD"):
        units = "in standard deviations of the gene, over all samples"
    return (
        f"The column {name!r} tells how far a gene's mean in the class where it is highest lies "
        f"above that in {other}, {units}."
    )


def _shared(findings):
    """Why models agree on genes of noise."""
    if findings.n_folds == 2 and findings.n_repeats == 1:
        return ""
    most = "most" if findings.n_folds > 3 else "many"
    return f": the models share {most} of their samples, so that genes of noise repeat, too"


def warnings_told(findings):
    """A sentence for each warning of a method."""
    n_fits = len(findings.comparison.folds)
    return [
        f"{title_of(method, findings.study)} warned in {times} of {n_fits} fits: {text}"
        for method, counts in findings.comparison.warned().items()
        for text, times in counts.items()
    ]


def meanings(findings):
    """What each score means, and each method is: pairs of a name and a sentence."""
    scores = [(name, SCORES[name][1]) for name in findings.comparison.score_names]
    methods = findings.comparison.methods
    return scores + [(title_of(name, findings.study), METHODS[name].meaning) for name in methods]


# --------------------------------------------------------------------------------------- files


def predictions_csv(findings):
    """For every sample what each method said of it, by a model that has not seen it."""
    study, comparison = findings.study, findings.comparison
    methods = [method for method in comparison.methods if method != CHANCE]
    classes = list(study.classes) if study.is_classification else []
    head = ["sample", *(["group"] if study.groups is not None else []), "repeat", "fold", "truth"]
    head += [title_of(method, study) for method in methods]
    head += [f"{findings.ours}: probability of {label}" for label in classes]
    rows = []
    for number, fold in enumerate(comparison.folds):
        fits = {method: comparison.fits[method][number] for method in methods}
        for place, sample in enumerate(fold.test):
            row = [study.samples[sample]]
            row += [study.groups[sample]] if study.groups is not None else []
            row += [fold.repeat + 1, fold.number, _cell(study.y[sample])]
            row += [_cell(fits[method].said.labels[place]) for method in methods]
            if classes:
                row += [f"{share:.6f}" for share in fits[OURS].said.probabilities[place]]
            rows.append((fold.repeat, sample, row))
    return as_csv(head, [row for *_, row in sorted(rows, key=lambda each: each[:2])])


def scores_csv(findings):
    """Every score of every method on every fold."""
    study, comparison = findings.study, findings.comparison
    head = ["method", "repeat", "fold", *comparison.score_names]
    rows = []
    for method in comparison.methods:
        for fold, fit in zip(comparison.folds, comparison.fits[method], strict=True):
            cells = [_cell(fit.scores[name]) for name in comparison.score_names]
            rows.append([title_of(method, study), fold.repeat + 1, fold.number, *cells])
    return as_csv(head, rows)


def genes_csv(findings):
    """All genes, the strongest first."""
    ranking, study = findings.ranking, findings.study
    moves = "highest in" if study.is_classification else "as the target rises"
    top = f"models with it in their top {ranking.n_top} (of {ranking.n_models})"
    rows = [
        [
            place,
            study.genes[gene],
            _cell(ranking.strength[gene]),
            ranking.times[gene],
            ranking.effect_of[gene],
            _cell(ranking.effect[gene]),
        ]
        for place, gene in enumerate(ranking.order, 1)
    ]
    return as_csv(["rank", "gene", IN_MEANS, top, moves, ranking.effect_name], rows)


def _cell(value):
    """A label as it is, a number in six digits, nothing for what is not a number."""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.6g}"
    return value
