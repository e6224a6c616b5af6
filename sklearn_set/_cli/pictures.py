"""Pictures of the report, as PNG.

matplotlib is imported here alone, and on demand; its settings stay as they are. Knows findings and
displays; must not know pages.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay, RocCurveDisplay

from sklearn_set._cli.findings import N_SHOWN
from sklearn_set._cli.genes import IN_MEANS
from sklearn_set._cli.methods import CHANCE, METHODS, OURS, title_of
from sklearn_set.inspection import (
    FeatureImportanceDisplay,
    TopologyDisplay,
    TrainingCurveDisplay,
)

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_COLOUR_OF = dict(zip(METHODS, COLOURS, strict=False))  # all methods but chance
_GREY = "#595959"
_MOST_CURVES = len(COLOURS)


@dataclass
class Picture:
    """A picture, what it shows in words, and the same with numbers for those who cannot see it."""

    name: str
    png: bytes
    caption: str
    alt: str


def import_matplotlib():
    """Matplotlib, or an error that says how to get it."""
    try:
        import matplotlib.figure
        import matplotlib.ticker
    except ImportError as error:
        raise ImportError(
            "The report needs matplotlib. Install it: pip install matplotlib."
        ) from error
    return matplotlib


def _drawn(name, caption, alt, draw, size=(4.8, 3.6), colours=COLOURS):
    """A picture drawn by a function of axes, without pyplot's list of figures.

    Pictures are narrow, so that their letters can be read on a telephone.
    """
    from cycler import cycler

    figure = import_matplotlib().figure.Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)  # inches, so that no letter is cut
    axes = figure.add_subplot()
    axes.set_prop_cycle(cycler(color=list(colours)))
    draw(axes)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=200, metadata={"Software": None})
    return Picture(name, content.getvalue(), caption, alt)


def _legend_below(ax):
    """Where no curve is."""
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize=9, frameon=False)


def pictures_of(findings):
    """All pictures of a report, by name."""
    made = [_scores(findings)]
    if findings.study.is_classification:
        made += [_roc(findings), _reliability(findings), _confusion(findings)]
    else:
        made += [_estimates(findings)]
    made += [_genes(findings), _training(findings), _topology(findings)]
    return {picture.name: picture for picture in made}


def _scores(findings):
    comparison, name = findings.comparison, findings.main_score
    methods = comparison.methods

    def draw(ax):
        for place, method in enumerate(methods):
            values = comparison.scores(method, name)
            colour = COLOURS[0] if method == OURS else _GREY
            # Shifts by a fixed pattern show folds with the same score.
            shifts = 0.24 * (np.arange(len(values)) % 5 - 2) / 2
            ax.plot(values, place + shifts, "o", color=colour, alpha=0.45, markersize=5)
            ax.plot([np.nanmean(values)] * 2, [place - 0.36, place + 0.36], color=colour, lw=2.5)
        ax.set_yticks(range(len(methods)), [title_of(each, findings.study) for each in methods])
        ax.set_ylim(len(methods) - 0.4, -0.6)
        ax.set_xlabel(f"{name}\n(dots are folds, lines are means)")
        ax.grid(axis="x", alpha=0.3)

    caption = f"The {name} of each method on each fold."
    means = ", ".join(
        f"{title_of(each, findings.study)} {np.nanmean(comparison.scores(each, name)):.3f}"
        for each in methods
    )
    alt = f"Dots for every fold and lines for the means: {means}."
    return _drawn("scores", caption, alt, draw, (5.4, 0.9 + 0.4 * len(methods)))


def _roc(findings):
    study, comparison = findings.study, findings.comparison
    classes, colours = study.classes, COLOURS
    if len(classes) == 2:
        methods = [method for method in comparison.methods if method != CHANCE]
        colours = [_COLOUR_OF[method] for method in methods]
        curves = [
            (title_of(method, study), comparison.out_of_fold(method).decisions[:, 1], classes[1])
            for method in methods
        ]
        caption = (
            f"ROC curves (receiver operating characteristic) for class {classes[1]}: the more of "
            f"its samples are found (upwards), the more others are taken for it (to the right). "
            "Predictions of all folds are put together, so the areas (AUC) differ a little from "
            "the means in the table."
        )
    else:
        decisions = comparison.out_of_fold(OURS).decisions
        largest = np.argsort([-(study.y == label).sum() for label in classes], kind="stable")
        curves = [
            (
                f"{_short(str(classes[column]))} against the rest",
                decisions[:, column],
                classes[column],
            )
            for column in sorted(largest[:_MOST_CURVES])
        ]
        most = f" (the {_MOST_CURVES} largest)" if len(classes) > _MOST_CURVES else ""
        caption = (
            f"ROC curves (receiver operating characteristic) of {findings.ours}, each class{most} "
            "against the rest: the more samples of a class are found (upwards), the more others "
            "are taken for it (to the right)."
        )

    def draw(ax):
        for title, decisions, label in curves:
            shown = RocCurveDisplay.from_predictions(study.y == label, decisions, name=title, ax=ax)
            areas.append(f"{title} {shown.roc_auc:.2f}")
        ax.plot([0, 1], [0, 1], ":", color=_GREY, lw=1)
        ax.set(xlabel="Share of the others that are taken for it", ylabel="Share that is found")
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        _legend_below(ax)

    areas = []
    picture = _drawn("roc", caption, "", draw, (4.8, 4.2 + 0.19 * len(curves)), colours)
    picture.alt = f"Curves, and the areas below them: {', '.join(areas)}."
    return picture


def _reliability(findings):
    study, comparison = findings.study, findings.comparison
    classes, n = study.classes, len(study.y)
    n_bins = 5 if n < 200 else 10
    curves = []
    for method in comparison.methods:
        said = comparison.out_of_fold(method)
        if said.probabilities is None or method == CHANCE:
            continue
        if len(classes) == 2:
            curves.append((method, study.y == classes[1], said.probabilities[:, 1]))
        else:
            curves.append((method, said.labels == study.y, said.probabilities.max(axis=1)))
    if len(classes) == 2:
        what = f"the probability of class {classes[1]}"
        axis = (f"Mean probability of class {classes[1]}", f"Share of class {classes[1]}")
    else:
        what = "the probability of the predicted class"
        axis = ("Mean probability of the predicted class", "Share that is right")
    caption = (
        f"Reliability: samples are put into {n_bins} parts by {what}. On the diagonal, "
        "probabilities are what they say."
    )
    if len(classes) > 2:
        caption += " Above it, a method is too careful; below it, too sure."

    def draw(ax):
        for method, truth, shares in curves:
            CalibrationDisplay.from_predictions(
                truth,
                np.clip(shares, 0, 1),
                n_bins=n_bins,
                strategy="quantile",
                name=title_of(method, study),
                ax=ax,
            )
        ax.set(xlabel=axis[0], ylabel=axis[1], xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        _legend_below(ax)

    colours = [_COLOUR_OF[method] for method, *_ in curves]
    gaps = ", ".join(
        f"{title_of(method, study)} {abs(truth.mean() - shares.mean()):.2f}"
        for method, truth, shares in curves
    )
    alt = f"Curves beside a diagonal. Mean probability and share of all samples differ by: {gaps}."
    size = (4.8, 4.2 + 0.19 * (len(curves) + 1))
    return _drawn("reliability", caption, alt, draw, size, colours)


def _confusion(findings):
    study = findings.study
    said, classes = findings.comparison.out_of_fold(OURS), study.classes
    names = [_short(str(label)) for label in classes]
    width = min(14.0, 2.9 + 0.5 * len(classes) + 0.05 * max(map(len, names)))
    is_short = sum(map(len, names)) < 24

    def draw(ax):
        ConfusionMatrixDisplay.from_predictions(
            study.y,
            said.labels,
            labels=classes,
            display_labels=names,
            cmap="Blues",
            colorbar=False,
            xticks_rotation="horizontal" if is_short else "vertical",
            ax=ax,
        )
        ax.set(xlabel="Predicted class", ylabel="True class")

    caption = f"What {findings.ours} predicts for samples it has not seen, class by class."
    right = ", ".join(
        f"{label} {(said.labels[study.y == label] == label).sum()} of {(study.y == label).sum()}"
        for label in classes
    )
    alt = f"A table of true and predicted classes. Right are: {right}."
    return _drawn("confusion", caption, alt, draw, (width, width * 0.9))


def _estimates(findings):
    study = findings.study
    said = findings.comparison.out_of_fold(OURS)

    def draw(ax):
        PredictionErrorDisplay.from_predictions(
            study.y,
            said.labels,
            kind="actual_vs_predicted",
            ax=ax,
            scatter_kwargs={"color": COLOURS[0], "alpha": 0.6},
            line_kwargs={"color": _GREY},
        )
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(import_matplotlib().ticker.AutoLocator())
        ax.set(xlabel="Estimate", ylabel="Truth")

    caption = f"What {findings.ours} estimates for samples it has not seen, against the truth."
    distance = np.abs(said.labels - study.y).mean()
    alt = f"Points beside a diagonal, from which they are {distance:.3g} away on average."
    return _drawn("estimates", caption, alt, draw, (4.8, 4.5))


def _genes(findings):
    strengths = findings.comparison.strengths
    total = strengths.sum(axis=1, keepdims=True)
    shares = strengths / np.where(total > 0, total, 1) * strengths.shape[1]
    names = [_short(name) for name in findings.study.genes]
    n_shown = min(N_SHOWN, len(names))

    def draw(ax):
        FeatureImportanceDisplay.from_importances(
            shares, feature_names=names, max_features=n_shown, ax=ax
        )
        ax.set(xlabel=f"{IN_MEANS.capitalize()}, {len(shares)} models", ylabel="")

    caption = (
        "How many times as strong as the mean gene the strongest are. Lines are standard "
        "deviations over the models."
    )
    order, strength = findings.ranking.order[:n_shown], findings.ranking.strength
    bars = ", ".join(f"{findings.study.genes[gene]} {strength[gene]:.1f}" for gene in order)
    alt = f"Bars of genes, {IN_MEANS}: {bars}."
    return _drawn("genes", caption, alt, draw, (5.0, max(2.5, 1.0 + 0.24 * n_shown)))


def _short(name):
    """A name that fits beside a bar; dollars would be mathematics."""
    name = name if len(name) <= 28 else f"{name[:27]}…"
    return name.replace("$", r"\$")


def _training(findings):
    caption = "The training of the saved model: the loss after every epoch, on all samples."
    shown, losses = [], findings.network.loss_curve_
    alt = f"A curve that goes from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} epochs."
    picture = _drawn(
        "training",
        caption,
        alt,
        lambda ax: shown.append(TrainingCurveDisplay.from_estimator(findings.model, ax=ax)),
    )
    if shown[0].has_mixed_losses:
        picture.caption += " It learns from mixtures of two samples, whose loss stays above zero."
    return picture


def _topology(findings):
    caption = (
        "The first layer of the saved model: how many connections each gene, and each hidden "
        "neuron, has after evolution."
    )
    first = findings.network.coefs_[0]
    told = ", ".join(
        f"{what} have {degrees.min()} to {degrees.max()} connections, {degrees.mean():.1f} on "
        "average"
        for what, degrees in (
            ("genes", np.diff(first.indptr)),
            ("hidden neurons", np.bincount(first.indices, minlength=first.shape[1])),
        )
    )

    def draw(ax):
        TopologyDisplay.from_estimator(findings.model, ax=ax)
        names = {"input neurons": "genes", "output neurons": "hidden neurons"}
        for text in ax.get_legend().get_texts():
            text.set_text(names[text.get_text()])

    return _drawn("topology", caption, f"Two histograms: {told}.", draw)
