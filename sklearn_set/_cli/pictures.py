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
    """A picture, and what it shows in words."""

    name: str
    png: bytes
    caption: str


def import_matplotlib():
    """Matplotlib, or an error that says how to get it."""
    try:
        import matplotlib.figure
    except ImportError as error:
        raise ImportError(
            "The report needs matplotlib. Install it: pip install matplotlib."
        ) from error
    return matplotlib


def _drawn(name, caption, draw, size=(6.0, 4.2), colours=COLOURS):
    """A picture drawn by a function of axes, without pyplot's list of figures."""
    from cycler import cycler

    figure = import_matplotlib().figure.Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_prop_cycle(cycler(color=list(colours)))
    draw(axes)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return Picture(name, content.getvalue(), caption)


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
        ax.set_xlabel(f"{name}: dots are folds, lines are means")
        ax.grid(axis="x", alpha=0.3)

    caption = f"The {name} of each method on each fold."
    return _drawn("scores", caption, draw, (7.2, 0.9 + 0.45 * len(methods)))


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
            f"ROC curves for class {classes[1]}. Predictions of all folds are put together, so "
            "the areas differ a little from the means in the table."
        )
    else:
        decisions = comparison.out_of_fold(OURS).decisions
        largest = np.argsort([-(study.y == label).sum() for label in classes], kind="stable")
        curves = [
            (f"{classes[column]} against the rest", decisions[:, column], classes[column])
            for column in sorted(largest[:_MOST_CURVES])
        ]
        most = f" (the {_MOST_CURVES} largest)" if len(classes) > _MOST_CURVES else ""
        caption = f"ROC curves of {findings.ours}, each class{most} against the rest."

    def draw(ax):
        for title, decisions, label in curves:
            RocCurveDisplay.from_predictions(study.y == label, decisions, name=title, ax=ax)
        ax.plot([0, 1], [0, 1], ":", color=_GREY, lw=1)
        ax.set(xlabel="False positive rate", ylabel="True positive rate")
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        ax.legend(loc="lower right", fontsize="small")

    return _drawn("roc", caption, draw, (6.0, 5.4), colours)


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
        ax.legend(loc="best", fontsize="small")

    colours = [_COLOUR_OF[method] for method, *_ in curves]
    return _drawn("reliability", caption, draw, (6.0, 5.4), colours)


def _confusion(findings):
    study = findings.study
    said, classes = findings.comparison.out_of_fold(OURS), study.classes
    width = min(16.0, 3.4 + 0.55 * len(classes) + 0.05 * max(len(str(each)) for each in classes))

    def draw(ax):
        ConfusionMatrixDisplay.from_predictions(
            study.y,
            said.labels,
            labels=classes,
            cmap="Blues",
            colorbar=False,
            xticks_rotation="horizontal" if len(classes) < 4 else "vertical",
            ax=ax,
        )
        ax.set(xlabel="Predicted class", ylabel="True class")

    caption = f"What {findings.ours} predicts for samples it has not seen, class by class."
    return _drawn("confusion", caption, draw, (width, width * 0.9))


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
        ax.set(xlabel="Estimate", ylabel="Truth")

    caption = f"What {findings.ours} estimates for samples it has not seen, against the truth."
    return _drawn("estimates", caption, draw, (5.6, 5.2))


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
        ax.set(xlabel=f"Strength, mean and standard deviation of {len(shares)} models", ylabel="")

    caption = "The strongest genes; the mean gene has a strength of 1."
    return _drawn("genes", caption, draw, (6.4, max(2.5, 1.0 + 0.25 * n_shown)))


def _short(name):
    """A name that fits beside a bar; dollars would be mathematics."""
    name = name if len(name) <= 28 else f"{name[:27]}…"
    return name.replace("$", r"\$")


def _training(findings):
    caption = "The training of the saved model: the loss after every epoch, on all samples."
    return _drawn(
        "training", caption, lambda ax: TrainingCurveDisplay.from_estimator(findings.model, ax=ax)
    )


def _topology(findings):
    caption = (
        "The first layer of the saved model: how many connections each gene, and each hidden "
        "neuron, has after evolution."
    )
    return _drawn(
        "topology", caption, lambda ax: TopologyDisplay.from_estimator(findings.model, ax=ax)
    )
