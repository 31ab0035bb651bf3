"""One code for several systems: atoms of planted systems go together without being matched."""

import numpy as np
import pytest

from thresh.dictionaries import learn, load
from thresh.errors import ConfigError
from thresh.evaluation import matched_cosine

from .planted import plant

UNITS = (32, 28)


@pytest.fixture(scope="module")
def systems():
    """The same features in two systems, one of them ten times as loud, off centre."""
    planted = [plant(rows=6000, features=24, units=units, active=2, seed=seed) for seed, units in enumerate(UNITS)]
    features, directions = planted[0].features, [each.directions for each in planted]
    rows = [(scale * (features @ own) + shift) for own, scale, shift in zip(directions, (1, 10), (0, 3), strict=True)]
    return features, directions, np.concatenate(rows, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def universal(systems):
    return learn(systems[2], "universal", atoms=24, k=3, blocks=UNITS, device="cpu", epochs=80)


def columns_agree(a, b):
    """Mean correlation of column j of a with column j of b, over columns that vary in both."""
    both = (a.std(axis=0) > 0) & (b.std(axis=0) > 0)
    return np.mean([np.corrcoef(a[:, j], b[:, j])[0, 1] for j in np.flatnonzero(both)])


def test_atoms_of_the_same_number_are_the_same_feature(systems, universal):
    _, directions, x = systems
    blocks = np.split(x, [UNITS[0]], axis=1)
    for part, own in zip(universal.parts, directions, strict=True):
        assert matched_cosine(part.atoms, own) > 0.93
    codes = [part.encode(block) for part, block in zip(universal.parts, blocks, strict=True)]
    assert columns_agree(*codes) > 0.95
    apart = [
        learn(block, "topk", atoms=24, k=3, device="cpu", seed=seed, epochs=20) for seed, block in enumerate(blocks)
    ]
    assert columns_agree(*(one.encode(block) for one, block in zip(apart, blocks, strict=True))) < 0.3
    # Codes of one system explain the other.
    error = np.square(blocks[1] - universal.parts[1].bias - codes[0] @ scaled(universal, 1)).sum()
    assert error < 0.15 * np.square(blocks[1] - blocks[1].mean(axis=0)).sum()


def scaled(universal, system):
    """Atoms of a system for codes of the first: what is long there is long here."""
    pairs = zip(universal.parts, universal.factors, strict=True)
    lengths = [part.lengths.numpy() / factor for part, factor in pairs]
    return (lengths[system] / lengths[0])[:, None] * universal.parts[system].atoms


def test_the_joint_code_explains_both(systems, universal, tmp_path):
    x = systems[2]
    error = np.square(x - universal.decode(universal.encode(x))).sum(axis=0)
    for block in np.split(error / x.var(axis=0) / len(x), [UNITS[0]]):
        assert block.mean() < 0.1
    universal.save(tmp_path)
    assert np.abs(load(tmp_path).encode(x) - universal.encode(x)).max() < 1e-3


def test_blocks_that_are_not_the_units_are_refused(systems):
    for blocks in ([60], [32, 27]):
        with pytest.raises(ConfigError, match=r"blocks: found .* expected units of two systems or more, 60 in all"):
            learn(systems[2], "universal", atoms=24, blocks=blocks)
