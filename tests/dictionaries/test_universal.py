"""One code for several systems: atoms of planted systems go together without being matched."""

import numpy as np
import pytest

from thresh.dictionaries import ArrayRows, learn, load
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import train
from thresh.errors import ConfigError
from thresh.evaluation import matched_cosine

from .by_hand import begin, drive
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


def test_curves_tell_the_variance_that_is_explained_of_systems_of_one_size(systems):
    """One of them is ten times as loud: its share of the variance would be all."""
    curve = []
    rows = ArrayRows(systems[2])
    job = job_of("both", rows, {"method": "universal", "atoms": 24, "k": 3, "blocks": UNITS, "epochs": 20}, "cpu")
    train([job], rows, finished=lambda job, learned: curve.append((learned.curve[-1], learned.dictionary)))
    ((last, dictionary),) = curve
    blocks = np.split(systems[2], [UNITS[0]], axis=1)
    codes = dictionary.parts[0].encode(blocks[0])
    missed = [
        np.square(block - codes @ scaled(dictionary, place) - dictionary.parts[place].bias).sum()
        / block.var(axis=0).sum()
        for place, block in enumerate(blocks)
    ]
    missed = np.mean(missed) / len(blocks[0])
    assert last["explained_variance"] == pytest.approx(1 - missed, abs=0.1)


def test_latents_are_resampled_in_the_size_that_they_are_learned_in(systems):
    """Of systems of very different size, each has its share of a latent that became a row."""
    x = systems[2].copy()
    x[:, UNITS[0] :] *= 100
    run = begin("universal", x, 24, k=3, blocks=list(UNITS), dead_after=1, resample_every=5)
    drive(run, x, last=5)
    energy = run.stack.W_dec[0].square()
    quiet = energy[:, : UNITS[0]].sum(dim=1) / energy.sum(dim=1)
    assert float(quiet.detach().median()) > 0.2


def test_blocks_that_are_not_the_units_are_refused(systems):
    for blocks in ([60], [32, 27]):
        with pytest.raises(ConfigError, match=r"blocks: found .* expected units of two systems or more, 60 in all"):
            learn(systems[2], "universal", atoms=24, blocks=blocks)
