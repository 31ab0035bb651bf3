"""What every metric says that it does not see, and that it sees all the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.alignment import METRICS

from .simulate import normal, orthogonal, seeds

CHANGES = {
    "rotation": lambda x, seed: x @ orthogonal(x.shape[1], seed),
    "scale": lambda x, seed: x * 10 ** np.random.default_rng(seed).uniform(-2, 2),
    "offset": lambda x, seed: x + normal(1, x.shape[1], seed),
    "order": lambda x, seed: x[:, np.random.default_rng(seed).permutation(x.shape[1])],
    "sign of single units": lambda x, seed: x * np.resize([-1, 1], x.shape[1]),
    "scale of single units": lambda x, seed: (
        x * np.random.default_rng(seed).permutation(np.geomspace(0.3, 3, x.shape[1]))
    ),
    "invertible": lambda x, seed: x @ (orthogonal(x.shape[1], seed) * np.geomspace(0.3, 3, x.shape[1])),
    "scale of stimuli": lambda x, seed: x * np.random.default_rng(seed).uniform(0.3, 3, (len(x), 1)),
}
ROTATION = {"rotation", "scale", "offset", "order", "sign of single units"}
SINGLE_UNITS = {"scale", "offset", "order", "scale of single units"}
INVERTIBLE = set(CHANGES) - {"scale of stimuli"}

# The words of the registry, for x and for y.
UNSEEN = {
    "rotation, isotropic scaling and offset of the units": (ROTATION, ROTATION),
    "order, positive scaling and offset of single units": (SINGLE_UNITS, SINGLE_UNITS),
    "order and isotropic scaling of the units, scaling of stimuli; monotone changes of all distances": (
        {"scale", "order", "scale of stimuli"},
    )
    * 2,
    "rotation, isotropic scaling and offset of x; order, scaling and offset of single units of y": (
        ROTATION,
        SINGLE_UNITS | {"sign of single units"},
    ),
    "order, sign, isotropic scaling and offset of the units of x; invertible maps and offset of y": (
        ROTATION - {"rotation"},
        INVERTIBLE,
    ),
    "rotation and isotropic scaling of the units, scaling of stimuli": ((ROTATION - {"offset"}) | {"scale of stimuli"},)
    * 2,
}
# Parameters under which a metric sees all that it may: principal components that a change of units changes.
PARAMETERS = {"cca": {"dimensions": 2, "components": 2}, "svcca": {"variance": 0.8}, "mutual_knn": {"k": 5}}


def unseen(name):
    return UNSEEN[METRICS[name].invariant_to]


def pair(seed, rows=60):
    """Units of unequal size, of which y has five again, with noise and an offset."""
    x = normal(rows, 6, seed) * np.linspace(0.7, 1.5, 6) + 0.5
    return x, x[:, :5] + 0.8 * normal(rows, 5, seed + 1) - 1


def scores(name, change, side, seed):
    """Before and after a change of one side."""
    before = pair(seed)
    after = list(before)
    after[side] = CHANGES[change](after[side], seed)
    return [METRICS[name].score(*both, **PARAMETERS.get(name, {}))[0] for both in (before, after)]


@pytest.mark.parametrize("name", METRICS)
@given(data=st.data(), seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_metric_does_not_see_what_it_says(name, data, seed):
    side = data.draw(st.sampled_from([0, 1]), label="side")
    change = data.draw(st.sampled_from(sorted(unseen(name)[side])), label="change")
    before, after = scores(name, change, side, seed)
    assert after == pytest.approx(before, abs=1e-7)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_sees_all_the_rest(name):
    """In one of a few draws at least: that a threshold or a rank is not crossed in one says nothing."""
    for side in (0, 1):
        for change in set(CHANGES) - unseen(name)[side]:
            moved = max(abs(np.subtract(*scores(name, change, side, seed))) for seed in range(4))
            assert moved > 1e-3, (change, "xy"[side])


@pytest.mark.parametrize(("name", "params"), [("cca", {}), ("svcca", {"variance": 1.0})])
@given(data=st.data(), seed=seeds)
@settings(max_examples=15, deadline=None)
def test_canonical_correlations_of_all_dimensions_see_no_invertible_map(name, params, data, seed):
    change = data.draw(st.sampled_from(sorted(INVERTIBLE)), label="change")
    x, y = pair(seed)
    score = METRICS[name].score(x, y, **params)[0]
    assert METRICS[name].score(CHANGES[change](x, seed), y, **params)[0] == pytest.approx(score, abs=1e-7)
    assert METRICS[name].score(x, CHANGES[change](y, seed), **params)[0] == pytest.approx(score, abs=1e-7)
