"""Probes of stores agree with probes of arrays on what was pooled, and plans say who is fitted and who is scored."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from store.stores import write_store
from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.errors import StimuliError
from thresh.evaluation import class_directions, dense_probing, plausibility, quantity_probing, sparse_probing
from thresh.evaluation.attributes import drawn, probe_plan
from thresh.evaluation.probe_store import probe_store
from thresh.evaluation.splits import study_split
from thresh.evaluation.stability_store import stability_store
from thresh.stimuli import Stimuli
from thresh.store import open_activations, open_codes, write_codes

COUNT, POSITIONS, FEATURES, UNITS = 240, 3, 24, 12
SHAPES = np.array(["disc", "ring", "bar"])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Stimuli with attributes, activations of three positions each, and the codes behind them."""
    random = np.random.default_rng(0)
    shape, colour = random.integers(3, size=COUNT), random.integers(4, size=COUNT)
    size = random.random(COUNT)
    features = (random.random((COUNT, POSITIONS, FEATURES)) < 0.1) * random.uniform(
        0.5, 1, (COUNT, POSITIONS, FEATURES)
    )
    for place, column in ((0, shape), (3, colour)):
        features[np.arange(COUNT), :, place + column] += 1
    features[:, :, 8] = size[:, None]
    atoms = random.standard_normal((FEATURES, UNITS))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = features.reshape(-1, FEATURES)
    missing = size.copy()
    missing[:10] = np.nan
    stimuli = Stimuli(
        "things",
        "features",
        ids=[f"s{i:03d}" for i in range(COUNT)],
        hashes=[f"{i:016x}" for i in range(COUNT)],
        split=np.where(np.arange(COUNT) % 4 == 0, "test", "train"),
        attributes={"shape": SHAPES[shape], "colour": colour, "size": size, "known_size": missing, "one": colour * 0},
        features=features.mean(axis=1).astype(np.float32),
    )
    folder = tmp_path_factory.mktemp("probes")
    rows = {"stimulus": np.repeat(np.arange(COUNT), POSITIONS), "position": np.tile(np.arange(POSITIONS), COUNT)}
    store = write_store(folder / "x.zarr", (codes @ atoms).astype(np.float32), rows=rows, stimuli={"id": stimuli.ids})
    sparse = csr_array(codes.astype(np.float32))
    write_codes(folder / "z.zarr", [sparse[:100], sparse[100:]], *codes.shape, {"solver": "omp", "params": {"k": 4}})
    return stimuli, open_activations(store), open_codes(folder / "z.zarr"), LassoDictionary(atoms, penalty=0.02)


def mean_of_stimuli(values):
    return values.reshape(COUNT, POSITIONS, -1).mean(axis=1)


def test_raw_activations_are_probed_as_their_means(study):
    stimuli, activations, *_ = study
    found = probe_store(activations, stimuli, attribute="shape", sizes=[1, 3])
    x = mean_of_stimuli(activations.read(0, COUNT * POSITIONS))
    places = study_split(stimuli.split)
    known = sparse_probing(x, stimuli.attributes["shape"], places, [1, 3])
    known |= dense_probing(x, stimuli.attributes["shape"], places)
    assert {key: found[key] for key in known} == pytest.approx(known)
    assert (found["train"], found["in"], found["out"], found["classes"]) == (180, 60, 0, 3)
    assert not any(key.startswith(("plausibility", "identifiability")) for key in found)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_codes_stay_sparse_and_are_probed_as_pooled(study, pooling):
    stimuli, activations, codes, dictionary = study
    found = probe_store(
        activations, stimuli, attribute="shape", sizes=[1], pooling=pooling, codes=codes, dictionary=dictionary
    )
    z = codes.read().toarray().reshape(COUNT, POSITIONS, -1)
    z = z.mean(axis=1) if pooling == "mean" else z.max(axis=1)
    known = sparse_probing(z, stimuli.attributes["shape"], study_split(stimuli.split), [1])
    assert found["probe_1_in"] == pytest.approx(known["probe_1_in"])
    # The planted atom of a shape is always there with it.
    assert found["probe_1_in"] > 0.9


def test_of_a_dictionary_directions_and_mixtures_are_asked_too(study):
    stimuli, activations, codes, dictionary = study
    found = probe_store(activations, stimuli, attribute="shape", codes=codes, dictionary=dictionary)
    train = stimuli.split == "train"
    x = mean_of_stimuli(activations.read(0, COUNT * POSITIONS))
    known = plausibility(dictionary, class_directions(x[train], stimuli.attributes["shape"][train]))
    assert found["plausibility"] == pytest.approx(known["plausibility"], abs=1e-4)
    assert found["identifiability"] > found["identifiability_chance"]


def test_a_quantity_is_read_and_stimuli_without_a_value_are_left_out(study):
    stimuli, activations, codes, dictionary = study
    found = probe_store(
        activations, stimuli, attribute="known_size", kind="quantity", codes=codes, dictionary=dictionary
    )
    values = stimuli.attributes["known_size"]
    places = np.where(np.isnan(values), "", study_split(stimuli.split))
    known = quantity_probing(mean_of_stimuli(codes.read().toarray()), np.nan_to_num(values), places)
    assert found["train"] + found["in"] == COUNT - 10
    assert {key: found[key] for key in known} == pytest.approx(known, rel=1e-5)
    assert found["quantity_correlation_in"] > 0.9


def test_what_is_held_out_is_not_fitted_and_it_is_told_whether_the_dictionary_saw_it(study):
    stimuli, activations, codes, dictionary = study
    held_out = {"combinations": ["shape", "colour"], "share": 0.25}
    _, places, out = probe_plan(stimuli.attributes, stimuli.split, attribute="shape", kind="labels", held_out=held_out)
    pairs = list(zip(stimuli.attributes["shape"], stimuli.attributes["colour"], strict=True))
    fitted = {pairs[index] for index in np.flatnonzero(places == "train")}
    assert not fitted & {pairs[index] for index in np.flatnonzero(places == "out")}
    found = probe_store(activations, stimuli, attribute="shape", held_out=held_out)
    assert found["out"] == (out & (stimuli.split == "test")).sum() > 0
    assert "learned_on_out" not in found  # Raw units learn nothing.
    assert found["probe_1_out"] is not None
    of_codes = {"codes": codes, "dictionary": dictionary, "attribute": "shape", "held_out": held_out}
    dictionary.facts = {"method": "online"}
    assert probe_store(activations, stimuli, **of_codes)["learned_on_out"] is True
    unseen = Stimuli(
        "things",
        "features",
        ids=stimuli.ids,
        hashes=stimuli.hashes,
        split=np.where(out, "test", stimuli.split),
        attributes=stimuli.attributes,
        features=stimuli.features(0, COUNT),
    )
    assert probe_store(activations, unseen, **of_codes)["learned_on_out"] is False
    # Of a probe with something else to hold out, what the split holds out is left out altogether.
    other = {"range": "size", "share": 0.3}
    _, places, large = probe_plan(
        unseen.attributes, unseen.split, attribute="shape", kind="labels", held_out=other, left_out=held_out
    )
    assert not (places[out & ~large] != "").any()
    assert set(places[large & (unseen.split == "test")]) == {"out"}
    dictionary.facts = {}


def test_no_more_stimuli_than_asked_are_looked_at(study):
    stimuli, activations, *_ = study
    found = probe_store(activations, stimuli, attribute="colour", at_most=100)
    assert found["train"] + found["in"] == 100
    wanted = np.arange(50) % 2 == 0
    assert np.array_equal(drawn(wanted, 30, 0), wanted)
    assert drawn(wanted, 10, 0).sum() == 10
    assert not (drawn(wanted, 10, 0) & ~wanted).any()
    assert not np.array_equal(drawn(wanted, 10, 0), drawn(wanted, 10, 1))


def test_stability_is_of_atoms_and_of_codes_of_test_rows(study):
    stimuli, activations, _, dictionary = study
    order = np.random.default_rng(1).permutation(FEATURES)
    turned = LassoDictionary(dictionary.atoms[order], penalty=0.02)
    found = stability_store(activations, stimuli, [dictionary, turned])
    assert (found["dictionaries"], found["rows"]) == (2, 60 * POSITIONS)
    assert found["stability_cosine"] == pytest.approx(1, abs=1e-6)
    assert found["stability_correlation"] == pytest.approx(1, abs=1e-4)
    assert found["random_stability_correlation"] < 0.9


@pytest.mark.parametrize(
    ("attribute", "kind", "told"),
    [
        ("shpe", "labels", "found no attribute 'shpe', expected one of colour, known_size, one, shape, size"),
        ("size", "labels", "expected labels that come more than once"),
        ("shape", "quantity", r"found values of 'shape' such as \['\w+'\], expected finite numbers"),
        ("size", "classes", "expected numbers of the model's classes"),
        ("one", "labels", "less than two values of 'one' among train stimuli"),
    ],
)
def test_attributes_that_cannot_be_read_so_are_refused(study, attribute, kind, told):
    stimuli = study[0]
    with pytest.raises(StimuliError, match=told):
        probe_plan(stimuli.attributes, stimuli.split, attribute=attribute, kind=kind)
