"""Harvests into stores: the same bytes however the work is cut, and a message with its place where values are bad."""

import numpy as np
import pytest

from thresh.errors import HarvestError
from thresh.stimuli import prepare
from thresh.store import open_activations
from thresh.store.gather import gather_activations
from thresh.systems.base import LayerShape, System
from thresh.systems.configured import configured_systems
from thresh.systems.harvest import harvest_layers, lay_out_layer
from thresh.systems.planted import PlantedSystem


class Given(System):
    """Gives the rows it was made with: (stimuli, positions, units) for each layer."""

    batch_size = 16

    def __init__(self, stimuli, **values):
        super().__init__("given", stimuli, layers={name: {} for name in values})
        self.values = values

    def check(self):
        return None

    def recipe(self, layer):
        return {}

    def layer_shape(self, layer):
        _, positions, units = self.values[layer].shape
        table = {"x": np.arange(positions)} if positions > 1 else {}
        return LayerShape(positions, units, {"unit": np.arange(units)}, table)

    def responses(self, start, stop, layers):
        found = {layer: self.values[layer][start:stop].astype(np.float32) for layer in layers}
        return {layer: values.reshape(-1, values.shape[-1]) for layer, values in found.items()}


@pytest.fixture(scope="module")
def stimuli():
    return prepare("features", "latents", samples=300, features=6, probability=0.2, split={"test": 0.2, "by": "hash"})


@pytest.fixture
def system(stimuli):
    random = np.random.default_rng(0)
    return Given(stimuli, pooled=random.normal(size=(300, 1, 5)), spatial=random.normal(size=(300, 7, 3)))


def harvested(system, folder, dtype="float32", jobs=None, shard_rows=64):
    """Lay out and harvest every layer; `jobs` are lists of shard indices by layer, one harvest each."""
    stores = {layer: folder / f"{layer}.zarr" for layer in system.layers}
    shards = {layer: lay_out_layer(system, layer, path, dtype, shard_rows) for layer, path in stores.items()}
    everything = {layer: list(range(len(names))) for layer, names in shards.items()}
    for job in jobs or [everything]:
        wanted = {layer: (stores[layer], job[layer]) for layer in job}
        harvest_layers(system, wanted, lambda layer, index, digest: None)
    for layer, path in stores.items():
        gather_activations(path, f"systems.given.layers.{layer}")
    return stores


def test_rows_are_stimuli_by_positions_in_order(system, tmp_path):
    store = open_activations(harvested(system, tmp_path)["spatial"])
    np.testing.assert_array_equal(store.read(0, 2100), system.values["spatial"].reshape(2100, 3).astype(np.float32))
    assert store.rows["stimulus"].tolist() == np.repeat(np.arange(300), 7).tolist()
    assert store.rows["x"].tolist() == list(range(7)) * 300
    assert store.rows["position"].tolist() == list(range(7)) * 300
    assert set(open_activations(tmp_path / "pooled.zarr").rows["position"]) == {-1}


def test_jobs_that_share_the_shards_write_the_bytes_of_one(system, tmp_path):
    one = harvested(system, tmp_path / "one")
    # Shards and batches of both layers end at different stimuli, so jobs compute some batches twice.
    jobs = [
        {"pooled": [4, 0], "spatial": list(range(0, 33, 2))},
        {"spatial": list(range(1, 33, 2))},
        {"pooled": [1, 2, 3]},
    ]
    several = harvested(system, tmp_path / "several", jobs=jobs)
    for layer, path in one.items():
        for file in path.rglob("*"):
            if file.is_file():
                assert file.read_bytes() == (several[layer] / file.relative_to(path)).read_bytes()


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (np.nan, "float32", "found nan at unit 2"),
        (-np.inf, "float16", "found -inf at unit 2"),
        (1e5, "float16", "found 100000 at unit 2, more than float16 holds"),
    ],
)
def test_a_bad_value_is_told_with_system_layer_stimulus_and_row(system, tmp_path, value, dtype, message):
    system.values["spatial"][35, 1, 2] = value
    # Stimulus 35 is the fourth of its batch, so its second position is row 3 * 7 + 1 of the batch.
    place = r"systems\.given\.layers\.spatial: in the batch that begins with stimulus 'sample000032', row 22: "
    with pytest.raises(HarvestError, match=place + message):
        harvested(system, tmp_path, dtype)


def test_a_planted_system_brings_its_truth(stimuli, tmp_path):
    system = PlantedSystem("planted", stimuli, layers={"units": {}}, units=4, features=(1, 5), seed=3)
    store = open_activations(harvested(system, tmp_path)["units"])
    features = stimuli.features(0, 300)[:, store.extra("truth/features")]
    np.testing.assert_allclose(store.read(0, 300), features @ store.extra("truth/mixing"), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(store.extra("truth/mixing"), axis=1), 1, atol=1e-6)


def test_a_store_laid_out_for_other_stimuli_is_not_written(system, tmp_path):
    path = tmp_path / "pooled.zarr"
    lay_out_layer(system, "pooled", path, "float32", 64)
    system.stimuli_index = np.arange(1, 301) % 300
    with pytest.raises(HarvestError, match=r"pooled: .*pooled\.zarr was laid out for other stimuli"):
        harvest_layers(system, {"pooled": (path, [0])}, lambda layer, index, digest: None)


def test_populations_of_a_recording_do_not_depend_on_each_other(stimuli, tmp_path):
    responses = np.random.default_rng(0).normal(size=(4, 300, 2)).astype(np.float32)
    responses[0, :5] = responses[3, 290:] = np.nan
    np.save(tmp_path / "responses.npy", responses)
    params = {"kind": "arrays", "responses": str(tmp_path / "responses.npy")}
    layers = {"first": {"where": {"unit": "0"}}, "last": {"where": {"unit": "3"}}}

    def rows(names, folder):
        found = {}
        chosen = {name: layers[name] for name in names}
        for system in configured_systems("both", stimuli, params, layers=chosen, made=[], device="cpu"):
            for path in harvested(system, tmp_path / folder).values():
                store = open_activations(path)
                found[path.stem] = store.rows["stimulus"].to_numpy(), store.read(0, store.shape[0])
        return found

    together, alone = rows(["first", "last"], "together"), rows(["last"], "alone")
    assert together["first"][0].tolist() == list(range(5, 300))
    assert together["last"][0].tolist() == list(range(290))
    np.testing.assert_array_equal(together["last"][1][:, 0], responses[3, :290].mean(axis=1))
    for one, other in zip(together["last"], alone["last"], strict=True):
        np.testing.assert_array_equal(one, other)
