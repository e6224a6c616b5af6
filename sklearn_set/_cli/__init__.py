"""The program `python -m sklearn_set`: a user's own table, compared, told and reported.

What it does, in order: `files` reads, `understanding` says what was read, `comparing` trains on
folds, `report` writes. The program is for people; whoever writes Python uses scikit-learn.

The modules import downwards only: program; options; writing; report; comparing, genes; methods,
scoring, understanding; targets, values; tables, progress; files. pandas, matplotlib, anndata and
tqdm are imported on demand.
"""
