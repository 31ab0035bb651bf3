"""The registry: one behaviour for all metrics on bad input, names and parameters that do not exist, plain imports."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse

import thresh.alignment as alignment
from thresh.alignment import METRICS
from thresh.errors import AlignmentError, ConfigError

from .simulate import related, sparse_features

NAMES = [
    "linear_cka",
    "linear_cka_debiased",
    "minibatch_cka",
    "kernel_cka",
    "rsa",
    "rsa_unbiased",
    "linear_predictivity",
    "linear_predictivity_r2",
    "semi_matching",
    "soft_matching",
    "one_to_one_matching",
    "matched_fraction",
    "procrustes",
    "shape_distance",
    "cca",
    "svcca",
    "pwcca",
    "mutual_knn",
]


def test_the_registry_holds_the_metrics_of_the_design():
    assert list(METRICS) == NAMES
    assert [name for name in METRICS if not METRICS[name].symmetric] == [
        "linear_predictivity",
        "linear_predictivity_r2",
        "semi_matching",
        "pwcca",
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("linear_")])
def test_a_metric_scores_what_its_function_returns(name):
    x, y = related()
    assert METRICS[name].score(x, y)[0] == getattr(alignment, name)(x, y)


@pytest.mark.parametrize("name", NAMES)
def test_symmetric_metrics_are_symmetric_and_the_others_are_not(name):
    x, y = related(90, 12, 9, noise=2)
    forth, back = METRICS[name].score(x, y)[0], METRICS[name].score(y, x)[0]
    if METRICS[name].symmetric:
        assert forth == pytest.approx(back, abs=1e-9)
    else:
        assert forth != pytest.approx(back, abs=1e-3)


@pytest.mark.parametrize("name", ["linear_cka", "linear_cka_debiased", "kernel_cka", "rsa", "mutual_knn"])
def test_stimuli_may_come_in_any_order_where_there_are_no_folds(name):
    x, y = related()
    order = np.random.default_rng(1).permutation(len(x))
    assert METRICS[name].score(x[order], y[order])[0] == pytest.approx(METRICS[name].score(x, y)[0], abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_and_sparse_codes_give_the_numbers_of_arrays(name):
    codes = np.abs(sparse_features(80, 9, 0.5)) + np.eye(80, 9)
    x = related()[0].astype(np.float32)
    score = METRICS[name].score(x, codes)[0]
    tensor = torch.from_numpy(x).requires_grad_()
    assert METRICS[name].score(tensor, sparse.csr_array(codes))[0] == score
    coarse = tensor.bfloat16()
    assert METRICS[name].score(coarse, codes)[0] == METRICS[name].score(coarse.float().detach().numpy(), codes)[0]


@pytest.mark.parametrize("name", NAMES)
def test_input_that_cannot_be_compared_is_refused_in_one_line(name):
    x, y = related(80, 6, 5)
    hole = y.copy()
    hole[7, 3] = np.nan
    infinite = x.copy()
    infinite[0, 1] = np.inf
    cases = [
        (x, hole, "^y: found nan at row 7, unit 3, expected finite values"),
        (infinite, y, "^x: found inf at row 0, unit 1"),
        (x[:-1], y, "found 79 and 80 rows"),
        (np.ones_like(x), y, "^x: found 6 constant units"),
        (x, np.zeros_like(y), "^y: found 5 constant units"),
        (x[:, 0], y, r"^x: found shape \(80,\)"),
        (x[:0], y[:0], r"^x: found shape \(0, 6\)"),
        (x, y[:, :0], r"^y: found shape \(80, 0\)"),
        (x[:1], y[:1], "found 1 stimuli"),
        (x.astype(str), np.full(y.shape, "cat"), "^y: found values that are not numbers"),
    ]
    for first, second, message in cases:
        with pytest.raises(AlignmentError, match=message) as refusal:
            METRICS[name].score(first, second)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_unit_among_others_does_no_harm(name):
    """Where units only add up, or are matched, the number stays the same; distances by angle may move."""
    x, y = related()
    score, same = METRICS[name].score(np.c_[x, np.full(len(x), 4.0)], y)[0], METRICS[name].score(x, y)[0]
    if name in ("rsa", "mutual_knn"):
        assert -1 <= score <= 1
    else:
        assert score == pytest.approx(same, abs=1e-9)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"metric: found 'linear_ckaa', expected one of .*; nearest: linear_cka\."):
        METRICS["linear_ckaa"]
    assert "linear_ckaa" not in METRICS


def test_unknown_parameters_are_refused_with_the_nearest():
    with pytest.raises(
        ConfigError, match=r"distanc: found 'cosine', expected a parameter of rsa: .*; nearest: distance\."
    ):
        METRICS["rsa"].score(*related(), distanc="cosine")
    with pytest.raises(ConfigError, match=r"debiased: found True, expected .* linear_cka_debiased: it has none"):
        METRICS["linear_cka_debiased"].score(*related(), debiased=True)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        *((name, {}) for name in NAMES),
        *((name, {"folds": 3}) for name in NAMES if "folds" in METRICS[name].parameters),
        *((name, {"folds": None}) for name in ("procrustes", "shape_distance", "svcca", "pwcca")),
        ("kernel_cka", {"debiased": True}),
        ("mutual_knn", {"k": 4}),
        ("linear_cka", {"debiased": True}),
        ("rsa", {"limit": 5}),
    ],
)
def test_the_fewest_stimuli_of_a_metric_are_those_that_it_scores(name, params):
    metric = METRICS[name]
    fewest = metric.stimuli_needed(params)
    x, y = related(fewest, 4, 3, noise=1)
    assert np.isfinite(metric.score(x, y, **params)[0])
    with pytest.raises(AlignmentError, match=f"found {fewest - 1} stimuli, expected at least {fewest}"):
        metric.score(x[1:], y[1:], **params)


def test_parameters_reach_both_halves_of_a_metric():
    x, y = related(100, noise=3)
    metric = METRICS["matched_fraction"]
    assert metric.parameters == {"folds": 5, "seed": 0, "threshold": 0.5}
    assert metric.score(x, y, threshold=0.1, folds=3, seed=2)[0] == alignment.matched_fraction(
        x, y, 0.1, folds=3, seed=2
    )


def test_importing_alignment_imports_neither_torch_nor_pot():
    """A job should start in about a second."""
    code = "import sys, thresh.alignment; print(sorted({'torch', 'transformers', 'ot', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
