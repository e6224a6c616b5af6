"""Methods compared over several data sets: ranks, tests, and their pictures.

After J. Demsar, "Statistical comparisons of classifiers over multiple data sets", Journal of
Machine Learning Research 7 (2006).
"""

import numpy as np
from reporting import figure
from scipy import stats

OURS_COLOR, OTHER_COLOR = "#d1495b", "#30638e"
# Means over folds that differ by less differ by the order of a sum.
DECIMALS = 9
# With fewer pairs even the smallest p of a two-sided signed-rank test is above 0.05.
FEWEST_PAIRS = 6


def average_ranks(scores):
    """Mean rank of each method over the data sets, 1 for the best; ties share their ranks.

    Parameters
    ----------
    scores : array of shape (n_sets, n_methods)
        The larger, the better.

    Returns
    -------
    array of shape (n_methods,)
    """
    return stats.rankdata(-np.round(scores, DECIMALS), axis=1).mean(axis=0)


def critical_difference(n_methods, n_sets, alpha=0.05):
    """Difference of average ranks beyond which Nemenyi's test tells two methods apart."""
    q = stats.studentized_range.ppf(1 - alpha, n_methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_sets)))


def friedman(scores):
    """Friedman's statistic and p that all methods are alike; None with too few of either.

    Parameters
    ----------
    scores : array of shape (n_sets, n_methods)
    """
    n_sets, n_methods = np.shape(scores)
    rounded = np.round(scores, DECIMALS)
    if n_methods < 3 or n_sets < 2 or np.all(rounded == rounded[:, :1]):
        return None
    statistic, p = stats.friedmanchisquare(*rounded.T)
    return float(statistic), float(p)


def groups_alike(ranks, difference):
    """Maximal runs of methods whose average ranks differ by no more than `difference`.

    Parameters
    ----------
    ranks : list of float
        Ascending.
    difference : float

    Returns
    -------
    list of (first, last)
        Runs of at least two methods, as positions in `ranks`.
    """
    runs, reached = [], 0
    for first, rank in enumerate(ranks):
        last = int(np.searchsorted(ranks, rank + difference, side="right")) - 1
        if last > max(first, reached):
            runs.append((first, last))
            reached = last
    return runs


def compare(ours, others):
    """Two methods over the same data sets.

    Parameters
    ----------
    ours, others : array of shape (n_sets,)

    Returns
    -------
    dict
        ``wins``, ``ties`` and ``losses`` of ours, mean ``difference``, ``p`` of Wilcoxon's
        signed-rank test (None for too few data sets).
    """
    difference = np.round(np.subtract(ours, others), DECIMALS)
    p = None
    if difference.size >= FEWEST_PAIRS:
        p = float(stats.wilcoxon(difference).pvalue) if difference.any() else 1.0
    return {
        "wins": int((difference > 0).sum()),
        "ties": int((difference == 0).sum()),
        "losses": int((difference < 0).sum()),
        "difference": float(difference.mean()),
        "p": p,
    }


def holm(p_values):
    """Holm's correction of the p of several tests, in the order given."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    return np.minimum(adjusted, 1).tolist()


# ----------------------------------------------------------------------------------- pictures


def plot_ranks(path, sections, ours):
    """Average ranks on a line, one panel per section; bars join what the test cannot tell apart.

    Parameters
    ----------
    path : Path
    sections : list of (title, names, ranks, n_sets)
    ours : set of str
        Methods that are highlighted.
    """
    heights = [1.9 + 0.26 * -(-len(names) // 2) for _, names, _, _ in sections]
    how = {"figsize": (9.5, sum(heights)), "height_ratios": heights}
    with figure(path, nrows=len(sections), squeeze=False, **how) as (_, grid):
        for axes, section in zip(grid[:, 0], sections, strict=True):
            draw_ranks(axes, *section, ours)


def draw_ranks(axes, title, names, ranks, n_sets, ours):
    """One critical-difference diagram: rank 1 on the left, methods on both sides below."""
    order = np.argsort(ranks, kind="stable")
    names, ranks = [names[place] for place in order], [float(ranks[place]) for place in order]
    n_methods = len(names)
    difference = critical_difference(n_methods, n_sets)
    runs = groups_alike(ranks, difference)
    axes.set_axis_off()
    axes.set_title(f"{title}: average rank over {n_sets} data sets", loc="left", fontsize=11)
    draw_scale(axes, n_methods, difference)
    top = -0.6 - 0.32 * len(runs)
    n_left = -(-n_methods // 2)
    room = 0.12 * (n_methods - 1)
    for place, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        left = place < n_left
        level = top - 0.75 * (place if left else n_methods - 1 - place)
        end = 1 - room if left else n_methods + room
        color = OURS_COLOR if name in ours else "black"
        axes.plot([rank, rank, end], [0, level, level], color=color, linewidth=0.9)
        text = f"{name}  {rank:.2f} " if left else f" {rank:.2f}  {name}"
        weight = "bold" if name in ours else "normal"
        side = "right" if left else "left"
        axes.text(end, level, text, ha=side, va="center", color=color, weight=weight, fontsize=9)
    for number, (first, last) in enumerate(runs):
        level = -0.35 - 0.32 * number
        pad = 0.006 * (n_methods - 1)
        ends = [ranks[first] - pad, ranks[last] + pad]
        axes.plot(ends, [level, level], color="0.25", linewidth=3.5, solid_capstyle="round")
    margin = 0.38 * (n_methods - 1)
    axes.set_xlim(1 - room - margin, n_methods + room + margin)
    axes.set_ylim(top - 0.75 * n_left, 2.1)


def draw_scale(axes, n_methods, difference):
    axes.plot([1, n_methods], [0, 0], color="black", linewidth=1)
    for rank in range(1, n_methods + 1):
        axes.plot([rank, rank], [0, 0.18], color="black", linewidth=1)
        axes.text(rank, 0.3, str(rank), ha="center", va="bottom", fontsize=8)
    ends = [1, 1 + difference]
    axes.plot(ends, [1.35, 1.35], color="black", linewidth=1.2, marker="|", markersize=7)
    text = f"critical difference {difference:.2f} (Nemenyi, 5 %)"
    axes.text(1, 1.6, text, ha="left", va="bottom", fontsize=8)


def plot_scores(path, sections, ours):
    """Mean scores with their spread over the splits, one panel per data set.

    Parameters
    ----------
    path : Path
    sections : list of (title, score, names, panels)
        `panels` are (data set, means, spreads); a mean is nan where there is none.
    ours : set of str
        Methods that are highlighted.
    """
    n_columns = min(4, max(len(panels) for *_, panels in sections))
    rows = [
        (title, score, names, panels[start : start + n_columns])
        for title, score, names, panels in sections
        for start in range(0, len(panels), n_columns)
    ]
    heights = [0.75 + 0.19 * len(names) for _, _, names, _ in rows]
    how = {"figsize": (1.5 + 2.4 * n_columns, sum(heights)), "height_ratios": heights}
    with figure(path, nrows=len(rows), ncols=n_columns, squeeze=False, **how) as (_, grid):
        for axes_row, (title, score, names, panels) in zip(grid, rows, strict=True):
            for axes in axes_row[len(panels) :]:
                axes.set_axis_off()
            for place, (axes, panel) in enumerate(zip(axes_row, panels, strict=False)):
                draw_scores(axes, names if place == 0 else None, *panel, of_ours(names, ours))
                axes.set_xlabel(score, fontsize=8)
            axes_row[0].annotate(title, (0, 1), xytext=(-4, 6), **TITLE)


TITLE = {
    "xycoords": "axes fraction",
    "textcoords": "offset points",
    "ha": "right",
    "weight": "bold",
    "fontsize": 9.5,
}


def of_ours(names, ours):
    return [name in ours for name in names]


def draw_scores(axes, names, title, means, spreads, highlighted):
    places = np.arange(len(means))
    for place, mean, spread, is_ours in zip(places, means, spreads, highlighted, strict=True):
        color = OURS_COLOR if is_ours else OTHER_COLOR
        axes.plot([mean - spread, mean + spread], [place] * 2, color=color, alpha=0.35, linewidth=2)
        axes.plot(mean, place, "o", color=color, markersize=5)
    axes.set_title(title, loc="left", fontsize=9.5)
    axes.set_ylim(len(means) - 0.5, -0.5)
    axes.set_yticks(places, names or [""] * len(means), fontsize=8.5)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="0.92")
    axes.grid(axis="x", color="0.88", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if names:
        for label, is_ours in zip(axes.get_yticklabels(), highlighted, strict=True):
            label.set_color(OURS_COLOR if is_ours else "black")
