"""The program `python -m sklearn_set`: a user's own table, compared, told and reported.

What it does, in order: `files` reads, `understanding` says what was read, `comparing` trains on
folds, `genes` ranks, `findings` says what came out, `writing` makes the report. The program is for
people; whoever writes Python uses scikit-learn.

The modules import downwards only: program; options, writing; page, pictures; findings; comparing,
genes; methods, progress, scoring; understanding; doubts; targets, values; tables; files. pandas,
matplotlib, anndata and tqdm are imported on demand.
"""
