"""Breaks of what stands beside the estimators: export, data, files, displays."""

from breaks import near

BREAKS = [
    *near(
        "test_export test_export_refusals test_export_pipelines",
        (
            'raw = graph.add("Div", raw, graph.number(len(networks)))',
            "pass",
            "the mean over snapshots",
        ),
        (
            'graph.add("Sub", data, graph.array(first.offset))',
            'graph.add("Add", data, graph.array(first.offset))',
            "wrong sign of the offset of features",
        ),
        ("if first.factor != 1:", "if False:", "the scale of features is forgotten"),
        ("if first.relevance is not None:", "if False:", "the relevance of features is forgotten"),
        ('graph.add("Sub", power, graph.number(1.0))', "power", "elu below zero"),
        ('graph.add("Add", erf, graph.number(1.0))', "erf", "gelu in single precision"),
        (
            "*coefficients, highest = _erfcx_polynomial(20)",
            "*coefficients, highest = _erfcx_polynomial(9)",
            "gelu in double precision",
        ),
        ("if needed > _FILE_BYTES:", "if False:", "graphs that no file can hold"),
        (
            'graph.add("Concat", graph.add("Neg", raw), raw, axis=1)',
            'graph.add("Concat", raw, graph.add("Neg", raw), axis=1)',
            "the classes of two are swapped",
        ),
        (
            "if are_known and sum(widths) != estimator.n_features_in_:",
            "if False:",
            "inputs of another width",
        ),
        ("layer.bias[units])", "layer.bias[: len(units)])", "biases of neurons that are left out"),
        (
            'raise ValueError(f"{kind} takes numbers, but',
            'str(f"{kind} takes numbers, but',
            "text as input",
        ),
    ),
    *near(
        "test_datasets",
        ("block *= np.sqrt(1.0 - module_correlation)", "pass", "the variance of generated genes"),
        (
            "class_shifts = class_sep * (ranks % 2)",
            "class_shifts = class_sep * ranks",
            "classes are further apart than asked for",
        ),
        ("np.clip(block, 0.0, _SATURATION, out=block)", "pass", "intensities that no scanner has"),
        (
            "np.sort(rng.choice(n_features, n_informative, replace=False).astype(np.int64))",
            "np.arange(n_informative)",
            "the first genes are informative",
        ),
        (
            "sizes[order[: n_samples - sizes.sum()]] += 1",
            "sizes[-1] += n_samples - sizes.sum()",
            "sizes of the classes",
        ),
    ),
    *near(
        "test_fetcher",
        ("if found.hexdigest() != expected:", "if False:", "damaged downloads are kept"),
        (
            'if fetched.details["name"] != name:',
            "if False:",
            "another set of data by the same number",
        ),
        (
            "elif sorted(samples) != sorted(order):",
            "elif False:",
            "sets that do not hold the same samples",
        ),
        ("if len(tissue_of) != len(set(order)):", "if False:", "a sample of no tissue"),
        (
            "os.replace(Path(scratch) / path.name, path)",
            "Path(scratch, path.name).rename(path.with_suffix('.x'))",
            "what is downloaded is not kept",
        ),
    ),
    *near(
        "test_files_understood test_files_refused",
        (
            "transposed = y is not None and len(y) == X.shape[1] != X.shape[0]",
            "transposed = False",
            "genes as rows of an array",
        ),
        (
            "np.load(file, allow_pickle=False)",
            "np.load(file, allow_pickle=True)",
            "a file that runs code",
        ),
        (
            "found = lines.named.get(name, [])",
            "found = lines.named.get(name, [])[:1]",
            "several rows of labels",
        ),
        (
            "(values[1:] - values[:-1] == 1).all(axis=0)",
            "(values[1:] > values[:-1]).all(axis=0)",
            "what rises is a number of the row",
        ),
        ("if np.unique(y).size == 1:", "if False:", "a single class"),
        (
            "found = [name for name in descriptions if name.lower() == wanted]",
            "found = [name for name in descriptions if name.lower() == wanted][:1]",
            "a description of two cases",
        ),
        (
            'content.replace(b"\\r\\n", b"\\n").replace(b"\\r", b"\\n")',
            'content.replace(b"\\r\\n", b"\\n")',
            "lines that end by a carriage return",
        ),
        (
            "large = np.abs(stored) > np.finfo(np.float32).max",
            "large = np.isnan(stored)",
            "infinite cells",
        ),
        (
            "leading_zero = any(re.match(",
            "leading_zero = None and any(re.match(",
            "01 and 1 are one class",
        ),
    ),
    *near(
        "test_program_files",
        ("return n_columns > n_rows", "return False", "annotations do not tell the way"),
        (
            "row_of = {name: row for row, name in enumerate(texts)}",
            "row_of = {name: row for row, name in enumerate(names)}",
            "annotations are joined by their order",
        ),
        (
            "key = max(matches, key=matches.get)",
            "key = next(iter(matches))",
            "the first column names the samples",
        ),
        (
            "rows = np.flatnonzero(~missing)",
            "rows = np.arange(len(labels))",
            "samples without a label stay",
        ),
        (
            "groups = samples.groups[rows]",
            "groups = samples.groups[: len(rows)]",
            "groups of other samples",
        ),
        ("names = cells if names is None else names", "names = None", "names of samples are lost"),
        (
            "seen[name] += new in taken",
            "seen[name] += 1",
            "numbers of genes of one name are skipped",
        ),
        ("looks_raw = counts or high > 100", "looks_raw = high > 100", "counts are no logarithms"),
        ("if place < n_below + n_zero:", "if False:", "zeros of a sparse matrix do not count"),
        (
            "return np.sign(X) * np.log2(1 + np.abs(X))",
            "return np.log2(1 + np.abs(X))",
            "the sign of raw numbers",
        ),
        ("if constant.size == len(genes):", "if False:", "no gene differs"),
        ("counted and 5 * len(values) <= len(y)", "5 * len(values) <= len(y)", "ages are classes"),
    ),
    *near(
        "test_program_findings",
        ('"random_state": seed + repeat}', '"random_state": seed}', "all repeats are alike"),
        (
            "columns = [1] if one_is_enough else range(len(classes))",
            "columns = range(len(classes))[-1:]",
            "the AUC is that of the last class",
        ),
        (
            "order = np.argsort(np.concatenate([self.folds[fit.fold].test for fit in chosen]))",
            "order = np.arange(sum(len(fit.said.labels) for fit in chosen))",
            "predictions stand in the order of the folds",
        ),
        (
            "pipeline.fit(X[parts.train], y[parts.train])",
            "pipeline.fit(X, y)",
            "models have seen the samples that they predict",
        ),
        (
            "share = strengths / np.where(total > 0, total, 1)",
            "share = strengths",
            "a loud model decides on the genes",
        ),
        (
            "top = np.argsort(-strengths, axis=1",
            "top = np.argsort(strengths, axis=1",
            "the weakest genes are counted",
        ),
        ("if study.has_negative:", "if False:", "differences of logarithms around zero"),
        ('steps.append(("log2", log2))', "pass", "the saved model takes no logarithms"),
    ),
    *near(
        "test_program",
        (
            'number, least, what = int(members.sum()), n_folds, "sample"',
            'number, least, what = int(members.sum()), 1, "sample"',
            "classes smaller than folds",
        ),
        (
            "if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):",
            "if False:",
            "a folder is overwritten",
        ),
        ("shutil.rmtree(scratch, ignore_errors=True)", "pass", "half a report stays"),
        (
            "stopped.set() raise KeyboardInterrupt",
            "raise KeyboardInterrupt",
            "an interrupt that is swallowed",
        ),
        ("signal.signal(signal.SIGINT, before)", "pass", "the handler of Ctrl-C stays"),
    ),
    *near(
        "test_contributions test_attribution_importances test_contribution_refusals",
        ("sign=1.0 if place == 1 else -1.0", "sign=1.0", "the first of two classes"),
        (
            "return units.scale[numbers], units.offset[numbers]",
            "return units.scale[numbers], 0.0",
            "outputs without the middle of the targets",
        ),
        ("np.log(units.scale[numbers])", "0.0", "the scale of exponential outputs"),
        (
            "tables -= tables.mean(axis=0)",
            "pass",
            "importances count what all classes have in common",
        ),
        ("X = estimator[:-1].transform(X)", "pass", "the transformers of a pipeline"),
        (
            "np.zeros(n_features) if offset is None else offset",
            "np.zeros(n_features) if True else offset",
            "the default baseline of features far from zero",
        ),
        (
            "if table.shape[1] != n_features:",
            "if False:",
            "a baseline of another width",
        ),
    ),
    *near(
        "test_contribution_display",
        ("np.delete(values, features).sum()", "0.0", "the sum of the other features"),
        (
            "features = features[size[features] > 0]",
            "pass",
            "features that contribute nothing are drawn",
        ),
        (
            "_columns(self.contributions.data, features)[sample]",
            "_columns(self.contributions.data, features)[0]",
            "values of another sample",
        ),
        (
            "low, high = np.quantile(column, (0.05, 0.95))",
            "low, high = column.min(), column.max()",
            "an outlier takes all colours",
        ),
        ("places[order] = steps", "places[:] = steps", "points aside that hide nobody"),
    ),
    *near(
        "test_importance_display test_topology_display test_inspection",
        ("np.argsort(-means,", "np.argsort(means,", "the weakest features are drawn"),
        ("ax.stairs(counts / table.shape[1],", "ax.stairs(counts,", "numbers in place of shares"),
        (
            "[0.05, 0.5, 0.95], axis=1)",
            "[0.25, 0.5, 0.75], axis=1)",
            "the middle half in place of 90 %",
        ),
        ("(np.diff(epochs) <= 0).any()", "(np.diff(epochs) < 0).any()", "epochs that repeat"),
        (
            "if not -len(coefs) <= layer < len(coefs):",
            "if not -len(coefs) <= layer <= len(coefs):",
            "a layer behind the last",
        ),
        ("np.prod(image_shape) != len(degrees)", "False", "an image of another size"),
        (
            "xerr=samples.std(axis=0)[features]",
            "xerr=samples.std(axis=0)[: len(features)]",
            "the spread of other features",
        ),
        (
            "ax.set_ylim(len(features) - 0.4, -0.6)",
            "ax.set_ylim(-0.6, len(features) - 0.4)",
            "the strongest at the bottom",
            "*_feature_importance.py",
        ),
    ),
    *near(
        "test_selection_display",
        (
            "np.where(is_selected[features], BLUE, _LIGHT)",
            "np.where(is_selected[: len(features)], BLUE, _LIGHT)",
            "colours of other features",
        ),
    ),
    *near(
        "test_public_api test_clone_and_pickle test_persistence",
        ("super().__setstate__(state)", "pass", "a pickle that holds nothing"),
        (
            "for name in TRANSIENT: state.pop(name, None)",
            "pass",
            "callbacks of a call are pickled",
        ),
        (
            "tags.target_tags.multi_output = True loss =",
            "loss =",
            "several targets are not announced",
        ),
        ("tags.classifier_tags.multi_label = True", "pass", "sets of labels are not announced"),
    ),
]
