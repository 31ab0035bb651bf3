"""Probes against closed forms, loops and labels that are planted; nothing of test rows is used to choose."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

from thresh.errors import ConfigError, DictionaryError
from thresh.evaluation import compositional_split, dense_probing, quantity_probing, range_split, sparse_probing


def codes_of(features, seed=0, rows=600, active=0.3):
    random = np.random.default_rng(seed)
    return (random.random((rows, features)) < active) * random.uniform(0.5, 1.5, (rows, features))


def in_thirds(rows):
    """Two thirds to train on, one to be tested on, in turn."""
    return np.where(np.arange(rows) % 3 == 0, "in", "train")


def test_a_label_that_is_one_atom_needs_one():
    codes = codes_of(20)
    found = sparse_probing(codes, codes[:, 7] > 0, in_thirds(600))
    assert found["probe_1_in"] == 1
    assert found["probe_chance"] == 0.5
    assert "probe_1_out" not in found


def test_of_many_classes_the_most_frequent_are_read():
    labels = np.repeat(["rare", "often", "usual"], [60, 300, 240])
    codes, split = codes_of(20), in_thirds(600)
    frequent = sparse_probing(codes, labels, split, [2], classes=2)
    one_by_one = [
        sparse_probing(codes, labels == name, split, [2])["probe_2_in"] for name in ("often", "usual")
    ]  # each class and the rest are two classes of equal accuracy
    assert frequent["probe_2_in"] == pytest.approx(np.mean(one_by_one))
    assert dense_probing(codes, labels, split, classes=3) == dense_probing(codes, labels, split)


def test_a_label_that_is_either_of_two_atoms_needs_two():
    codes = codes_of(20)
    found = sparse_probing(codes, (codes[:, 3] > 0) | (codes[:, 11] > 0), in_thirds(600), sizes=[1, 2])
    # One atom says yes to those that it is in: of P(either) = .51 it finds .3.
    assert found["probe_1_in"] == pytest.approx((0.3 / 0.51 + 1) / 2, abs=0.05)
    assert found["probe_2_in"] > 0.99


def test_each_class_has_its_own_atoms_and_a_loop_finds_the_same():
    random = np.random.default_rng(1)
    labels = random.choice(["cat", "dog", "tree"], 600, p=[0.6, 0.3, 0.1])
    codes = codes_of(15, seed=2)
    for index, name in enumerate(["cat", "dog", "tree"]):
        codes[:, index * 4] += (labels == name) * random.random(600)
    split = in_thirds(600)
    train, test = split == "train", split == "in"
    scores = []
    for name in ["cat", "dog", "tree"]:
        member = labels == name
        gaps = [abs(column[train & member].mean() - column[train & ~member].mean()) for column in codes.T]
        chosen = StandardScaler().fit(codes[train][:, np.argsort(gaps)[-2:]])
        few = chosen.transform(codes[:, np.argsort(gaps)[-2:]])
        said = LogisticRegression(class_weight="balanced").fit(few[train], member[train]).predict(few[test])
        scores.append((said[member[test]].mean() + (~said[~member[test]]).mean()) / 2)
    found = sparse_probing(codes, labels, split, sizes=(2,))["probe_2_in"]
    assert found == pytest.approx(np.mean(scores), abs=1e-9)
    assert sparse_probing(csr_array(codes), labels, split, sizes=(2,))["probe_2_in"] == pytest.approx(found)


def test_codes_that_know_nothing_are_at_chance_however_rare_a_class_is():
    codes, labels = codes_of(30, rows=3000), np.random.default_rng(5).random(3000) < 0.05
    for found in (sparse_probing(codes, labels, in_thirds(3000)), dense_probing(codes, labels, in_thirds(3000))):
        chance = found.pop("probe_chance")
        assert max(abs(score - chance) for score in found.values()) < 0.07
    constant = sparse_probing(np.ones((3000, 4)), labels, in_thirds(3000))
    assert set(constant.values()) == {0.5}


def test_test_rows_change_neither_columns_nor_heads():
    codes = codes_of(20)
    labels, split = codes[:, 7] > 0, np.where(np.arange(600) % 3 == 0, "in", "train")
    split[np.arange(600) % 6 == 0] = "out"
    spoilt, other = codes.copy(), labels.copy()
    spoilt[split == "out"] = np.random.default_rng(0).normal(size=(100, 20)) * 50
    other[split == "out"] = ~other[split == "out"]
    for probe in (sparse_probing, dense_probing):
        clean, changed = probe(codes, labels, split), probe(spoilt, other, split)
        same = [key for key in clean if key.endswith("_in")]
        assert same
        assert {key: clean[key] for key in same} == {key: changed[key] for key in same}
    # Rows of no place are as if they were not there.
    nowhere = np.where(split == "out", "", split)
    assert sparse_probing(codes, labels, split)["probe_2_in"] == sparse_probing(spoilt, other, nowhere)["probe_2_in"]


def test_a_class_that_a_place_lacks_does_not_count_there():
    codes = codes_of(6, rows=400)
    labels = np.where(codes[:, 0] > 0, 1, np.where(codes[:, 1] > 0, 2, 0))
    split = np.where(np.arange(400) % 2 == 0, "train", "out")
    split[(split == "out") & (labels == 2)] = ""
    found = sparse_probing(codes, labels, split, sizes=(1,))["probe_1_out"]
    # Class 1 is its atom; without class 2 in the rows, what is not class 1 is class 0.
    alone = sparse_probing(codes[labels != 2], labels[labels != 2], split[labels != 2], sizes=(1,))["probe_1_out"]
    assert found == pytest.approx(1, abs=0.2)
    assert alone == 1
    assert np.isnan(sparse_probing(codes, labels, np.where(labels == 1, split, "train"), sizes=(1,))["probe_1_out"])


def test_only_chosen_columns_of_sparse_codes_become_dense():
    atoms, rows = 200_000, 2000
    codes = csr_array(random_array((rows, atoms), density=1e-4, rng=np.random.default_rng(0), format="csr"))
    labels = np.random.default_rng(1).random(rows) < 0.5
    tracemalloc.start()
    found = sparse_probing(codes, labels, in_thirds(rows), sizes=(1, 16))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(found) == {"probe_1_in", "probe_16_in", "probe_chance"}
    # All columns would take 3.2 GB.
    assert peak < 100e6


def test_the_dense_probe_is_as_good_as_two_gaussians_allow():
    random = np.random.default_rng(0)
    labels = random.random(4000) < 0.3
    x = random.normal(size=(4000, 10)) * np.logspace(-2, 2, 10)
    x[:, 4] += labels * 2.0 * np.logspace(-2, 2, 10)[4]
    found = dense_probing(x, labels, in_thirds(4000))
    assert found["probe_all_in"] == pytest.approx(norm.cdf(1.0), abs=0.02)


def test_the_dense_probe_takes_sparse_codes():
    codes = codes_of(12)
    labels = codes[:, :2].sum(axis=1) > codes[:, 2:4].sum(axis=1)
    split = in_thirds(600)
    dense, sparse = dense_probing(codes, labels, split), dense_probing(csr_array(codes), labels, split)
    assert dense["probe_all_in"] > 0.95
    assert sparse["probe_all_in"] == pytest.approx(dense["probe_all_in"], abs=0.01)


def test_the_penalty_is_chosen_where_columns_are_many_and_weak():
    random = np.random.default_rng(3)
    labels, split = np.arange(900) % 2 == 0, np.where(np.arange(900) < 300, "train", "in")
    x = 0.15 * labels[:, None] + random.normal(size=(900, 600))
    train = split == "train"
    weak = LogisticRegression(C=100, max_iter=2000).fit(x[train], labels[train])
    # All ones is the best direction here, and the difference of means, the limit of a strong penalty, is near it.
    found = dense_probing(x, labels, split)["probe_all_in"]
    assert found > accuracy_score(labels[~train], weak.predict(x[~train])) + 0.1


def test_in_superposition_dense_probes_fail_on_combinations_where_true_codes_do_not():
    random = np.random.default_rng(0)
    shape, colour = random.integers(12, size=3000), random.integers(12, size=3000)
    truth = np.zeros((3000, 24))
    truth[np.arange(3000), shape] = random.uniform(0.5, 1.5, 3000)
    truth[np.arange(3000), 12 + colour] = random.uniform(0.5, 1.5, 3000)
    mixing = random.normal(size=(24, 10))
    x = truth @ (mixing / np.linalg.norm(mixing, axis=1, keepdims=True))
    split = compositional_split(shape, colour, held_out=0.5)
    of_units, of_codes = dense_probing(x, shape, split), sparse_probing(truth, shape, split, sizes=(1,))
    assert of_codes["probe_1_in"] == of_codes["probe_1_out"] == 1
    assert of_units["probe_all_out"] < of_units["probe_all_in"] < 0.97
    assert sparse_probing(x, shape, split, sizes=(1,))["probe_1_out"] < 0.8


def test_a_linear_quantity_is_read_in_its_range_and_beyond():
    random = np.random.default_rng(0)
    value = random.uniform(0, 10, 800)
    x = np.outer(value, random.normal(size=12)) + random.normal(size=12) + 0.5 * random.normal(size=(800, 12))
    split = range_split(value, held_out=0.2)
    found = quantity_probing(x, value, split)
    assert min(found.values()) > 0.85
    train, out = split == "train", split == "out"
    scaled = StandardScaler().fit(x[train])
    head = RidgeCV(alphas=np.logspace(-3, 6, 10)).fit(scaled.transform(x[train]), value[train])
    read = head.predict(scaled.transform(x[out]))
    assert found["quantity_correlation_out"] == pytest.approx(np.corrcoef(read, value[out])[0, 1])
    rest = np.sum((read - value[out]) ** 2) / np.sum((value[out] - value[out].mean()) ** 2)
    assert found["quantity_r2_out"] == pytest.approx(1 - rest)
    sparse = quantity_probing(csr_array(x), value, split)
    assert sparse == pytest.approx(found, abs=1e-3)


def test_a_saturating_quantity_keeps_its_order_and_loses_its_scale_beyond_the_range():
    value = np.random.default_rng(0).uniform(0, 6, 800)
    found = quantity_probing(np.tanh(value / 2)[:, None] * [[1.0, -2.0]], value, range_split(value, held_out=0.3))
    assert found["quantity_r2_in"] > 0.8
    assert found["quantity_correlation_out"] > 0.9
    assert found["quantity_r2_out"] < 0


def test_a_quantity_that_is_not_there_is_not_read():
    random = np.random.default_rng(0)
    value, split = random.normal(size=600), in_thirds(600)
    assert abs(quantity_probing(random.normal(size=(600, 20)), value, split)["quantity_correlation_in"]) < 0.15
    nothing = quantity_probing(np.zeros((600, 20)), value, split)
    assert nothing["quantity_correlation_in"] == 0
    one = quantity_probing(random.normal(size=(600, 3)), np.where(split == "in", 1.0, value), split)
    assert np.isnan(one["quantity_r2_in"])


def test_what_cannot_be_probed_is_refused():
    codes, split = np.ones((6, 3)), ["train"] * 3 + ["in"] * 3
    with pytest.raises(DictionaryError, match="columns have 6 rows, and there are 5 labels"):
        sparse_probing(codes, [0, 1, 0, 1, 0], split)
    with pytest.raises(DictionaryError, match="found one class in the rows of training"):
        dense_probing(codes, [0, 0, 0, 1, 0, 1], split)
    with pytest.raises(DictionaryError, match="the split holds train"):
        sparse_probing(codes, [0, 1, 0, 1, 0, 1], ["train"] * 6)
    with pytest.raises(DictionaryError, match="found one value"):
        quantity_probing(codes, [1, 1, 1, 0, 2, 3], split)
    with pytest.raises(ConfigError, match="sizes"):
        sparse_probing(codes, [0, 1, 0, 1, 0, 1], split, sizes=[0])
