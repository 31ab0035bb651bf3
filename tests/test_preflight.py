"""What is told before anything long begins, for methods and for pairs of systems."""

import pytest

from thresh.alignment import METRICS
from thresh.dictionaries import METHODS
from thresh.dictionaries.registry import parameters
from thresh.inference import SOLVERS
from thresh.preflight import PreflightError, check_methods, check_pairs, check_widths


def comparison(*pairs, metrics=("linear_cka",), layers=None, split="test"):
    named = metrics if isinstance(metrics, dict) else {name: {} for name in metrics}
    compared = {"a": ["v1", "v4"], "b": ["it"], "c": ["all"]} | (layers or {})
    return {"pairs": pairs, "layers": compared, "split": split, "metrics": named}


def told(check, *arguments, **keywords):
    with pytest.raises(PreflightError) as caught:
        check(*arguments, **keywords)
    return str(caught.value).strip().splitlines()


def test_pairs_need_the_stimuli_that_their_metrics_need():
    answered = {
        "a": {"v1": {"test": ["s1", "s2"], "train": ["t1"]}, "v4": {"test": ["s3"], "train": ["t1"]}},
        "b": {"it": {"test": ["s2", "s9"], "train": ["t1", "t2"]}},
        "c": {"all": {"test": ["s1", "s2", "s3"], "train": ["t1", "t2"]}},
    }
    ab, ac, bc = ("a", "b"), ("a", "c"), ("b", "c")
    assert told(check_pairs, answered, {"brains": comparison(ab, bc)}) == [
        "alignment.brains: found 0 test stimuli that both a/v4 (e.g. 's3') and b/it (e.g. 's2') answer to,"
        " expected at least 2, as linear_cka needs.",
        "alignment.brains: found 1 test stimuli that both b/it (e.g. 's2') and c/all (e.g. 's1') answer to,"
        " expected at least 2, as linear_cka needs.",
    ]
    # Layers that are not compared, and stimuli of other splits, do not count.
    v1 = {"a": ["v1"]}
    assert check_pairs(answered, {"v1": comparison(ac, layers=v1)}) == {"v1": 2}
    assert check_pairs(answered, {"all": comparison(ab, bc, layers=v1, split="all")}) == {"all": 2}
    assert told(check_pairs, answered, {"train": comparison(ac, layers=v1, split="train")}) == [
        "alignment.train: found 1 train stimuli that both a/v1 (e.g. 't1') and c/all (e.g. 't1') answer to,"
        " expected at least 2, as linear_cka needs."
    ]
    # The metric that needs most decides: three held-out stimuli a fold.
    metrics = {"linear_cka": {}, "semi_matching": {"folds": 2}, "rsa": {}}
    (line,) = told(check_pairs, answered, {"folds": comparison(bc, metrics=metrics, split="all")})
    assert line == (
        "alignment.folds: found 3 stimuli that both b/it (e.g. 's2') and c/all (e.g. 's1') answer to,"
        " expected at least 6, as semi_matching needs."
    )


def test_all_findings_about_methods_come_together():
    dictionaries = {
        "one": {"method": "online", "atoms": 9, "params": {"penalti": 1}},
        "two": {"method": "none", "atoms": "4x", "params": {}},
    }
    inference = {"three": {"solver": "omp", "params": {}}, "four": {"solver": "fista", "params": {"penalty": 0.1}}}
    metrics = {"five": {"linear_ck": {}, "rsa": {}}}
    lines = told(check_methods, dictionaries=dictionaries, inference=inference, metrics=metrics)
    assert [line.split(":")[0] for line in lines] == [
        "dictionaries.one.params.penalti",
        "dictionaries.two.method",
        "inference.three.params.k",
        "alignment.five.metrics.linear_ck",
    ]


@pytest.mark.parametrize(
    ("method", "params", "key"),
    [
        ("online", {"penalty": -1}, "penalty"),
        ("online", {"penalty": "small"}, "penalty"),
        ("online", {"epochs": 2.5}, "epochs"),
        ("random", {"penalty": None}, "penalty"),
        ("random", {"normalise": "scaled"}, "normalise"),
        ("random", {"seed": 1}, "seed"),
        ("topk", {"k": 0}, "k"),
        ("topk", {"k": True}, "k"),
        ("topk", {"k": 10}, "k"),  # more than atoms
        ("topk", {"learning_rate": float("inf")}, "learning_rate"),
    ],
)
def test_a_value_that_a_method_cannot_use_is_told_by_its_key(method, params, key):
    dictionaries = {"mine": {"method": method, "atoms": 9, "params": params}}
    (line,) = told(check_methods, dictionaries=dictionaries, inference={}, metrics={})
    place = "dictionaries.mine.seed" if key == "seed" else f"dictionaries.mine.params.{key}"
    assert line.startswith(f"{place}: found {params[key]!r}, expected ")


@pytest.mark.parametrize(
    ("solver", "params", "key"),
    [
        ("fista", {"penalty": -1}, "penalty"),
        ("fista", {"penalty": 0.1, "relative_penalty": 0.1}, "penalty"),
        ("fista", {"nonnegative": "yes"}, "nonnegative"),
        ("fista", {"penalty": 0.1, "tolerance": 0}, "tolerance"),
        ("omp", {"k": "six"}, "k"),
        ("omp", {"k": 0}, "k"),
        ("matching_pursuit", {"k": 2, "batch_rows": 3}, "batch_rows"),
    ],
)
def test_a_value_that_a_solver_cannot_use_is_told_by_its_key(solver, params, key):
    inference = {"mine": {"solver": solver, "params": params}}
    (line,) = told(check_methods, dictionaries={}, inference=inference, metrics={})
    assert line.startswith(f"inference.mine.params.{key}: found {params[key]!r}, expected ")


@pytest.mark.parametrize(
    ("metric", "key", "value"),
    [
        ("linear_predictivity", "components", 0),
        ("linear_predictivity", "components", "many"),
        ("linear_predictivity_r2", "alphas", [1, 0]),
        ("linear_predictivity", "alphas", []),
        ("linear_predictivity", "folds", 1),
        ("cca", "folds", 1),
        ("cca", "dimensions", -2),
        ("procrustes", "folds", "five"),
        ("shape_distance", "folds", 1),
        ("svcca", "variance", 1.2),
        ("pwcca", "variance", 0),
        ("kernel_cka", "bandwidth", 0),
        ("kernel_cka", "kernel", "sigmoid"),
        ("minibatch_cka", "batch", 3),
        ("soft_matching", "mass", 0),
        ("linear_predictivity", "bands", [0.5]),
        ("linear_predictivity_r2", "draws", -1),
        ("rsa", "compare", "kendall"),
        ("rsa", "distance", "euclid"),
        ("rsa", "limit", 2),
        ("matched_fraction", "threshold", 2),
        ("semi_matching", "seed", -1),
        ("mutual_knn", "k", 1.5),
        ("linear_cka", "debiased", 1),
        ("linear_cka_debiased", "debiased", True),
    ],
)
def test_a_value_that_a_metric_cannot_use_is_told_by_its_key(metric, key, value):
    (line,) = told(check_methods, dictionaries={}, inference={}, metrics={"all": {metric: {key: value}}})
    assert line.startswith(f"alignment.all.metrics.{metric}.{key}: found {value!r}, expected ")


def test_no_parameter_takes_whatever_it_is_given():
    nonsense = {"nonsense": []}
    cases = [("dictionaries", "method", name, parameters(kind)) for name, kind in METHODS.items()]
    cases += [("inference", "solver", name, solver.parameters) for name, solver in SOLVERS.items()]
    for section, kind, name, keys in cases:
        for key in keys:
            given = {"dictionaries": {}, "inference": {}, "metrics": {}}
            given[section] = {"mine": {kind: name, "atoms": "4x", "params": {key: nonsense}}}
            assert told(check_methods, **given)[0].startswith(f"{section}.mine.params.{key}: ")
    for name, metric in METRICS.items():
        for key in metric.parameters:
            given = {"dictionaries": {}, "inference": {}, "metrics": {"all": {name: {key: nonsense}}}}
            assert told(check_methods, **given)[0].startswith(f"alignment.all.metrics.{name}.{key}: ")


def test_values_that_can_be_used_are_no_finding():
    dictionaries = {
        "wide": {"method": "topk", "atoms": "4x", "params": {"k": 500, "normalise": None, "epochs": None}},
        "plain": {"method": "online", "atoms": 5, "params": {"penalty": 1, "duplicate": 0.9, "normalise": "centre"}},
    }
    inference = {"own": {"solver": "fista", "params": {}}, "relative": {"solver": "fista", "params": {"penalty": None}}}
    metrics = {"all": {"procrustes": {"folds": None}, "linear_predictivity": {"alphas": [0.1, 1], "ceiling": None}}}
    found = check_methods(dictionaries=dictionaries, inference=inference, metrics=metrics)
    assert found == {"dictionaries": 2, "inference": 2, "comparisons": 1}


def test_more_atoms_than_rows_are_told_for_numbers_and_multiples():
    layers = {"net": {"one": {"units": 8, "train_rows": 40}, "two": {"units": None, "train_rows": None}}}
    wanted = {"net": {"one": {"small": 40, "wide": "5x"}, "two": {"small": 10**6}}}
    assert check_widths(layers, wanted) == {"net/one": 40, "net/two": None}
    wanted["net"]["one"] |= {"wide": "5.2x", "wider": 41}
    assert told(check_widths, layers, wanted) == [
        "dictionaries.wide: net/one: found 40 rows for 42 atoms, expected at least as many rows.",
        "dictionaries.wider: net/one: found 40 rows for 41 atoms, expected at least as many rows.",
    ]
