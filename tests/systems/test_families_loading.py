"""Where modules stand, how often they are called, and which element of their output is taken."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from thresh.errors import HarvestError
from thresh.systems import transformers_models

from .language import text_stimuli, word_tokenizer
from .test_families import VISION, image_processor, opened, own_states, positions_of, random_model, saved
from .test_families_language import SMALL

TEXTS = ["the cat sat on a mat", "a dog ran under the tree", "then the dog slept on ."]
BLOCKS = ["layers.0", "layers.1"]


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    model, settings, _, processor, *_ = VISION["vit"]
    return saved(tmp_path_factory.mktemp("vit"), random_model(model, settings), image_processor(*processor))


# --- devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "device_map",
    [
        {"": "cpu"},
        "auto",
        # The second block stays in its file until it is called: modules are then called through accelerate's hooks.
        {"embeddings": "cpu", "layers.0": "cpu", "layers.1": "disk", "layernorm": "cpu", "pooler": "cpu"},
    ],
    ids=["one device", "auto", "two places"],
)
def test_a_device_map_changes_no_bit(vit, pictures, device_map):
    pytest.importorskip("accelerate")
    mapped, plain = (opened(pictures, vit, positions_of(BLOCKS), device_map=one) for one in (device_map, None))
    mapped.check()
    found, known = (system.responses(0, 12, BLOCKS) for system in (mapped, plain))
    for block in BLOCKS:
        np.testing.assert_array_equal(found[block], known[block])
    assert mapped.recipe("layers.0") == plain.recipe("layers.0")
    if isinstance(device_map, dict) and len(device_map) > 1:
        assert {one.device.type for one in mapped.model.get_submodule("layers.1").parameters()} == {"meta"}


def test_without_accelerate_the_extra_is_named(vit, pictures, monkeypatch):
    own = importlib.util.find_spec
    monkeypatch.setattr(transformers_models, "find_spec", lambda name: None if name == "accelerate" else own(name))
    system = opened(pictures, vit, positions_of(BLOCKS), device_map="auto")
    with pytest.raises(HarvestError, match=r"systems\.net\.device_map: needs .*pip install 'thresh\[large\]'"):
        system.check()
    opened(pictures, vit, positions_of(BLOCKS)).check()


def test_untrained_models_have_no_device_map_to_follow(vit, pictures):
    pytest.importorskip("accelerate")
    found, known = (
        opened(pictures, vit, positions_of(BLOCKS), untrained=True, device_map=one).responses(0, 12, BLOCKS)
        for one in ("auto", None)
    )
    np.testing.assert_array_equal(found["layers.1"], known["layers.1"])


# --- shared modules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "inner"), [(1, 1), (2, 1), (2, 2)])
def test_calls_of_the_shared_layers_of_albert(tmp_path, groups, inner):
    """Layers of a group share their weights: hidden state i is a call of one module."""
    settings = {**SMALL, "num_hidden_layers": 4, "embedding_size": 8}
    settings |= {"num_hidden_groups": groups, "inner_group_num": inner}
    folder = saved(tmp_path, random_model("AlbertModel", settings), word_tokenizer())
    layers, order = {}, []
    for layer in range(4):
        group, call = divmod(layer, 4 // groups)
        for one in range(inner):
            order.append(f"layer {layer}.{one}")
            path = f"encoder.albert_layer_groups.{group}.albert_layers.{one}"
            layers[order[-1]] = {"module": path, "call": call, "pooling": "positions"}
        path = f"encoder.albert_layer_groups.{group}"
        layers[f"layer {layer}"] = {"module": path, "call": call, "pooling": "positions"}
    system = opened(text_stimuli(TEXTS), folder, layers, text={"special_tokens": "keep"})
    found = system.responses(0, 3, list(layers))
    edges = system.batch_edges()
    assert edges.tolist() == [0, 3]
    batch = system.prepared(0, 3)
    _, own = own_states(folder, batch.inputs)
    assert len(own.hidden_states) == 1 + len(order)
    for name, states in zip(order, own.hidden_states[1:], strict=True):
        np.testing.assert_array_equal(found[name], states[batch.kept].numpy(), err_msg=name)
    for layer in range(4):
        np.testing.assert_array_equal(found[f"layer {layer}"], found[f"layer {layer}.{inner - 1}"])
    late = opened(text_stimuli(TEXTS), folder, {"a": {**layers["layer 0"], "call": 4}})
    with pytest.raises(HarvestError, match=rf"is called {4 // groups} times in a forward pass, expected call 4"):
        late.layer_shape("a")


# --- tuples ----------------------------------------------------------------------------------------------------------


def test_elements_of_what_a_swin_stage_returns(tmp_path, pictures):
    """A stage returns the same patches twice: as a sequence, and as a map."""
    model, settings, _, processor, *_ = VISION["swin"]
    folder = saved(tmp_path, random_model(model, settings), image_processor(*processor))
    layers = {
        name: {"module": "encoder.layers.0", "output": index, "pooling": "positions"}
        for index, name in enumerate(("sequence", "map"))
    }
    system = opened(pictures, folder, layers, batch_size=12)
    found = system.responses(0, 12, list(layers))
    _, own = own_states(folder, system.feed.batch(0, 12).inputs)
    known = own.reshaped_hidden_states[1]
    np.testing.assert_array_equal(found["map"], known.flatten(2).transpose(1, 2).flatten(0, 1).numpy())
    np.testing.assert_array_equal(found["sequence"], found["map"])
    for name in layers:
        y, x = (system.layer_shape(name).position_table[axis] for axis in "yx")
        row = 16 * 7 + int(np.flatnonzero((y == 2) & (x == 1))[0])
        np.testing.assert_array_equal(found[name][row], known[7, :, 2, 1].numpy())
    refused = opened(pictures, folder, {"a": {**layers["map"], "output": 9}})
    with pytest.raises(HarvestError, match=r"layers\.a\.output: found 9, expected the index of a tensor"):
        refused.layer_shape("a")


def test_weights_of_attention_are_an_element_of_a_tuple_where_there_are_any(tmp_path):
    """The eager attention returns them, the default one returns None, which is told."""
    folder = saved(tmp_path, random_model("LlamaModel", SMALL), word_tokenizer())
    layers = {"a": {"module": "layers.0.self_attn", "output": 0, "pooling": "positions"}}
    layers["b"] = {"module": "layers.0.self_attn.o_proj", "pooling": "positions"}
    system = opened(text_stimuli(TEXTS), folder, layers)
    found = system.responses(0, 3, ["a", "b"])
    np.testing.assert_array_equal(found["a"], found["b"])
    absent = opened(text_stimuli(TEXTS), folder, {"w": {**layers["a"], "output": 1}})
    with pytest.raises(HarvestError, match=r"found 1, expected the index of a tensor in the output \(Tensor, NoneType"):
        absent.layer_shape("w")
    config = Path(folder) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"attn_implementation": "eager"}))
    # One map of tokens by tokens a head is no sequence of tokens with units.
    eager = opened(text_stimuli(TEXTS), folder, {"w": {**layers["a"], "output": 1}})
    with pytest.raises(HarvestError, match=r"layers\.w"):
        eager.layer_shape("w")
