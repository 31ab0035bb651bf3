"""What linear heads read from codes or activations, in distribution and out of it.

A split is a column (rows,) of 'train', 'in' and 'out' (see `thresh.evaluation.splits`); where there is no shift,
'train' and 'in' are enough. Columns and strengths are chosen, and heads are fitted, on 'train' alone.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from thresh.errors import DictionaryError
from thresh.parameters import checked, each, integer

SIZES = (1, 2, 4, 8, 16)
PLACES = ("in", "out")
# Weights of the data against the penalty that are tried; on columns at unit variance.
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
CHANCE = 0.5


@checked(sizes=each(integer(1)))
def sparse_probing(
    columns, labels, split, sizes: Sequence[int] = SIZES, classes: int | None = None
) -> dict[str, float]:
    """How much of some labels a few latents tell: k-sparse probes (Gurnee et al. 2023, arXiv 2305.01610).

    For each class against the rest, the k columns with the largest |mean in the class - mean elsewhere| and a logistic
    regression on these; the mean over classes of the balanced accuracy, (true positive rate + true negative rate) / 2,
    which is the accuracy where a class has half of the rows, as SAEBench (Karvonen et al. 2025) draws them. On raw
    activations, the same probe tells what as many units know.

    Parameters
    ----------
    columns : (rows, atoms) or (rows, units)
        Codes, dense or sparse, of which only the chosen columns are made dense; or activations.
    labels : (rows,)
    split : (rows,)
        'train', 'in', 'out'; other rows are left out.
    sizes
        Numbers of columns k. More than there are means all.
    classes
        Most classes that are read, the most frequent in 'train'; default: all.

    Returns
    -------
    probe_<k>_in, probe_<k>_out
        For each place that has rows; classes of which a place has all rows or none do not count there.
    probe_chance
        0.5: the balanced accuracy of any guess that does not depend on the row.
    """
    columns, labels, split = checked_rows(columns, labels, split)
    read = trained_classes(labels, split, classes)
    train = split == "train"
    order = np.argsort(-mean_differences(columns[train], labels[train], read), axis=1, kind="stable")
    found = {}
    for k in sizes:
        heads = []
        for one, best in zip(read, order[:, :k], strict=True):
            few = dense(columns[:, best])
            head = logistic(few).fit(few[train], labels[train] == one)
            heads.append((one, head.predict(few)))
        found |= {f"probe_{k}_{place}": score for place, score in scores_by_place(heads, labels, split).items()}
    return found | {"probe_chance": CHANCE}


def dense_probing(columns, labels, split, classes: int | None = None) -> dict[str, float]:
    """How much of some labels all columns tell: the linear probe that sparse ones are to be compared with.

    A logistic regression for each class against the rest, on columns at unit variance, with the strength of its penalty
    chosen by threefold cross-validation within 'train'; scored as `sparse_probing` is.

    Parameters
    ----------
    columns : (rows, units) or (rows, atoms)
        Activations; or codes, dense or sparse, which stay sparse.
    labels, split, classes
        See `sparse_probing`.

    Returns
    -------
    probe_all_in, probe_all_out, probe_chance
    """
    columns, labels, split = checked_rows(columns, labels, split)
    train = split == "train"
    heads = [
        (one, tuned(columns[train], labels[train] == one).predict(columns))
        for one in trained_classes(labels, split, classes)
    ]
    found = {f"probe_all_{place}": score for place, score in scores_by_place(heads, labels, split).items()}
    return found | {"probe_chance": CHANCE}


def quantity_probing(columns, values, split) -> dict[str, float]:
    """How well a linear head reads a number, in the range it was fitted on and beyond it.

    Ridge regression on columns at unit variance, its penalty chosen by leave-one-out error within 'train'. Physical
    quantities are read so from frozen representations, and out of distribution, by the protocol PhyIP, which reports
    correlations; of its text only the abstract was at hand.

    Parameters
    ----------
    columns : (rows, units) or (rows, atoms)
        Activations; or codes, dense or sparse.
    values : (rows,)
        A number for each row.
    split : (rows,)
        'train', 'in', 'out'; other rows are left out. For a range that was not seen, see `range_split`.

    Returns
    -------
    quantity_correlation_in, quantity_correlation_out
        Pearson correlation of what is read with what is true; 0 if nothing is read, NaN if a place has one value.
    quantity_r2_in, quantity_r2_out
        1 - squared error / variance in that place; below 0 where its mean alone would be a better guess. A head that
        keeps the order and not the scale has a high correlation and a low R2.
    """
    columns, values, split = checked_rows(columns, np.asarray(values, np.float64), split)
    train = split == "train"
    if len(np.unique(values[train])) < 2:
        raise DictionaryError("found one value in the rows of training, expected two or more.")
    head = make_pipeline(scaler(columns), RidgeCV(alphas=np.logspace(-3, 6, 10))).fit(columns[train], values[train])
    found = {}
    for place in places(split):
        rows = split == place
        read, true = head.predict(columns[rows]), values[rows]
        varies = np.ptp(true) > 0
        found[f"quantity_correlation_{place}"] = pearson(read, true) if varies else float("nan")
        found[f"quantity_r2_{place}"] = float(r2_score(true, read)) if varies else float("nan")
    return found


def pearson(read: np.ndarray, true: np.ndarray) -> float:
    return float(np.corrcoef(read, true)[0, 1]) if np.ptp(read) > 0 else 0.0


def checked_rows(columns, labels, split) -> tuple[np.ndarray | csr_array, np.ndarray, np.ndarray]:
    """Columns as CSR or as an array of float64, and labels and split as arrays, of the same number of rows."""
    labels, split = np.asarray(labels), np.asarray(split)
    columns = csr_array(columns, dtype=np.float64) if issparse(columns) else np.asarray(columns, np.float64)
    if not np.isfinite(columns.data if issparse(columns) else columns).all():
        raise DictionaryError("columns hold values that are not finite, expected none.")
    if not columns.shape[0] == len(labels) == len(split):
        raise DictionaryError(
            f"columns have {columns.shape[0]} rows, and there are {len(labels)} labels and a split of {len(split)},"
            " expected the same."
        )
    if not (split == "train").any() or not places(split):
        raise DictionaryError(
            f"the split holds {', '.join(map(str, np.unique(split)))}, expected train, and in or out."
        )
    return columns, labels, split


def places(split: np.ndarray) -> list[str]:
    return [place for place in PLACES if (split == place).any()]


def trained_classes(labels: np.ndarray, split: np.ndarray, most: int | None = None) -> np.ndarray:
    """Classes of the rows of training, in order; the most frequent ones where there are more than `most`."""
    classes, counts = np.unique(labels[split == "train"], return_counts=True)
    if len(classes) < 2:
        raise DictionaryError("found one class in the rows of training, expected two or more.")
    if 2 * len(classes) > counts.sum():
        raise DictionaryError(
            f"found {len(classes)} labels in {counts.sum()} rows of training, expected labels that come more than once;"
            " quantity_probing reads numbers."
        )
    return classes if most is None else classes[np.sort(np.argsort(-counts, kind="stable")[:most])]


def mean_differences(columns: np.ndarray | csr_array, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(classes, columns): |mean in the class - mean elsewhere|."""
    member = (labels == classes[:, None]).astype(np.float64)
    sums = member @ columns
    counts = member.sum(axis=1, keepdims=True)
    return np.abs(sums / counts - (columns.sum(axis=0) - sums) / (len(labels) - counts))


def dense(columns: np.ndarray | csr_array) -> np.ndarray:
    return columns.toarray() if issparse(columns) else columns


def scaler(columns: np.ndarray | csr_array) -> StandardScaler:
    """Columns at unit variance; sparse ones are not centred, which an intercept makes up for."""
    return StandardScaler(with_mean=not issparse(columns))


def logistic(columns: np.ndarray | csr_array) -> Pipeline:
    return make_pipeline(scaler(columns), LogisticRegression(class_weight="balanced", max_iter=1000))


def tuned(columns: np.ndarray | csr_array, member: np.ndarray):
    """A logistic head with the strength that does best on thirds of these rows; 1 where a class has too few rows."""
    head = logistic(columns)
    if min(member.sum(), (~member).sum()) < 3:
        return head.fit(columns, member)
    # Shuffled: rows often stand class after class, and a third would hold classes that the others have not.
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    grid = {"logisticregression__C": STRENGTHS}
    return GridSearchCV(head, grid, scoring="balanced_accuracy", cv=folds).fit(columns, member)


def scores_by_place(heads: list[tuple], labels: np.ndarray, split: np.ndarray) -> dict[str, float]:
    """Mean balanced accuracy of what was said of each class, where a place has rows of it and others; NaN for none."""
    found = {}
    for place in places(split):
        rows = split == place
        scores = [
            balanced_accuracy_score(labels[rows] == one, said[rows])
            for one, said in heads
            if 0 < (labels[rows] == one).sum() < rows.sum()
        ]
        found[place] = float(np.mean(scores)) if scores else float("nan")
    return found
