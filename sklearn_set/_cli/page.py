"""The report as one page of HTML, with all pictures inside.

Knows findings in words, tables and pictures; must not know how they are computed.
"""

import base64
from html import escape

from sklearn_set._cli.findings import (
    N_SHOWN,
    folds_in_words,
    genes_table,
    meanings,
    remark_on_genes,
    scores_table,
    verdict,
    warning_on_genes,
    warnings_told,
    wrong_table,
)

# Colours follow the reader's choice of dark or light; paper is white.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #ffffff; --line: #d0d4d9;
  --soft: #f3f5f7; --accent: #0072B2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181b; --line: #3a3f45; --soft: #22262b; --accent: #6cb8e6; }
}
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--line); }
.lead { font-size: 1.1rem; background: var(--soft); border-left: 4px solid var(--accent);
  padding: .7rem 1rem; border-radius: 0 6px 6px 0; }
.wide { overflow-x: auto; width: fit-content; max-width: 100%; background:
  linear-gradient(to left, var(--paper) 50%, transparent) 100% 0 / 2rem 100% no-repeat local,
  linear-gradient(to left, var(--line), transparent) 100% 0 / .7rem 100% no-repeat scroll; }
.wide:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: separate; border-spacing: 0; font-size: .93rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; white-space: normal; vertical-align: bottom; line-height: 1.25; }
th.number, td.number { text-align: right; }
th.name, td.name { position: sticky; left: 0; background: var(--paper); }
.ours tbody tr:first-child { font-weight: 600; }
figure { margin: 1rem 0; break-inside: avoid; }
figure img { width: 100%; max-width: 40rem; height: auto; box-sizing: border-box;
  background: #ffffff; border-radius: 6px; border: 1px solid var(--line); }
figcaption, .note, footer { font-size: .9rem; opacity: .85; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
  gap: 0 1.2rem; align-items: start; }
dl { columns: 2 20rem; column-gap: 2rem; } dl div { break-inside: avoid; margin: 0 0 .4rem; }
dt { font-weight: 600; } dd { margin: 0; }
pre { background: var(--soft); padding: .5rem .7rem; border-radius: 4px; font-size: .9rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
@media print {
  :root { --ink: #000000; --paper: #ffffff; --line: #bbbbbb; --soft: #f3f5f7; --accent: #0072B2; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; } tr { break-inside: avoid; }
  .wide { overflow: visible; background: none; }
  .pair { grid-template-columns: 1fr 1fr; } table { font-size: 9pt; }
  figure img { max-width: 13cm; } th.name, td.name { position: static; }
  th, td { padding-right: .5rem; white-space: normal; } td.number { white-space: nowrap; }
}
"""


def page_of(findings, pictures, versions, command):
    """The page as text.

    Parameters
    ----------
    findings : Findings
    pictures : dict of Picture by name
    versions : str
        Names and versions of what made it.
    command : str
        The command that made it.
    """
    study = findings.study
    title = f"{study.title}: sklearn_set report"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(verdict(findings))}</p>',
        "<h2>What was read</h2>",
        _list(study.notes),
        "<h2>Methods compared</h2>",
        f"<p>All methods were trained and tested on the same folds: "
        f"{escape(folds_in_words(findings))}. Numbers are means ± standard deviations over the "
        "folds; seconds are those of one fit.</p>",
        f'<div class="ours">{scores_table(findings).as_html("Scores of all methods")}</div>',
        _figure(pictures["scores"]),
        _definitions(meanings(findings)),
        _list(warnings_told(findings)),
        "<h2>Predictions</h2>",
        f"<p>Every sample was predicted by models that had not seen it"
        f"{'; the pictures show the first repeat' if findings.n_repeats > 1 else ''}.</p>",
        _figures(pictures, "roc", "reliability", "confusion", "estimates"),
        *_missed(findings),
        f"<h2>The {min(N_SHOWN, len(study.genes))} strongest genes</h2>",
        *[f'<p class="lead">{escape(told)}</p>' for told in warning_on_genes(findings)],
        genes_table(findings).as_html("The strongest genes"),
        _figure(pictures["genes"]),
        f"<p>{escape(remark_on_genes(findings))}</p>",
        "<h2>The network</h2>",
        f"<p>{escape(_network_in_words(findings))}</p>",
        _figures(pictures, "training", "topology"),
        "<h2>How this was made</h2>",
        f"<pre><code>{escape(command)}</code></pre>",
        f"<p>{escape(versions)}. Seed {findings.seed}: the same command gives the same results, "
        "up to the seconds.</p>",
        "<footer>Means over a few folds of a few samples are uncertain. A result holds when other "
        "samples, from another laboratory, show it.</footer>",
    ]
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _list(sentences):
    items = "".join(f"<li>{escape(each)}</li>" for each in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _missed(findings):
    """Samples that our network gets wrong, if there are classes."""
    if not findings.study.is_classification:
        return []
    table = wrong_table(findings)
    if not table.rows:
        return [f"<p>{findings.ours} gets no sample wrong.</p>"]
    n_all = len(table.rows)
    table.rows = table.rows[:N_SHOWN]
    first = f" The first {N_SHOWN} are:" if n_all > N_SHOWN else ""
    return [
        f"<p>{findings.ours} gets {n_all} of {len(findings.study.y)} samples wrong. Look at those "
        f"that all methods miss: they may be mixed up, or of a kind of their own.{first}</p>",
        table.as_html("Samples that are predicted wrongly"),
    ]


def _definitions(pairs):
    made = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in pairs
    )
    return f'<dl class="note">{made}</dl>'


def _figure(picture):
    content = base64.b64encode(picture.png).decode("ascii")
    return (
        f'<figure id="{picture.name}"><img src="data:image/png;base64,{content}" '
        f'alt="{escape(picture.alt)}"><figcaption>{escape(picture.caption)}</figcaption>'
        "</figure>"
    )


def _figures(pictures, *names):
    made = "".join(_figure(pictures[name]) for name in names if name in pictures)
    return f'<div class="pair">{made}</div>'


def _network_in_words(findings):
    """Layers and connections of the saved model."""
    network = findings.network
    sizes = [weights.shape[0] for weights in network.coefs_] + [network.coefs_[-1].shape[1]]
    layers = " – ".join(f"{size:,}" for size in sizes)
    return (
        f"The saved model is trained on all {len(findings.study.y):,} samples, for "
        f"{network.n_iter_} epochs. Its layers have {layers} neurons, with "
        f"{network.n_connections_:,} connections: {network.density_:.2%} of what dense layers "
        "would have."
    )
