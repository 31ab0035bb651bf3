import json
import shutil

import numpy as np
import pytest
import torch

from thresh.errors import HarvestError
from thresh.systems import list_layers, open_system
from thresh.systems.capture import Site, capture

VIT = {f"layer{index}": {"module": f"layers.{index}", "pooling": "positions"} for index in range(3)}
RESNET = {f"stage{index}": {"module": f"encoder.stages.{index}", "pooling": "positions"} for index in range(3)}


def vit(stimuli, folder, layers=VIT, **params):
    return open_system("transformers", "vit", stimuli, layers=layers, device="cpu", model=folder, **params)


def hidden_states(folder, stimuli, count):
    """transformers' own hidden states of the first images, at batch size `count`."""
    from transformers import AutoImageProcessor, AutoModel

    images = [image.convert("RGB") for image in stimuli.images(0, count)]
    pixels = AutoImageProcessor.from_pretrained(folder)(images=images, return_tensors="pt")
    with torch.no_grad():
        return AutoModel.from_pretrained(folder).eval()(**pixels, output_hidden_states=True).hidden_states


def test_vit_layers_are_hidden_states_bit_for_bit(vit_folder, pictures):
    found = vit(pictures, vit_folder, batch_size=12).responses(0, 12, list(VIT))
    known = hidden_states(vit_folder, pictures, 12)
    for index in range(3):
        # Token 0 is the class token, which stands for no place.
        np.testing.assert_array_equal(found[f"layer{index}"], known[index + 1][:, 1:].flatten(0, 1).numpy())


def test_resnet_layers_are_hidden_states_bit_for_bit(resnet_folder, pictures):
    system = vit(pictures, resnet_folder, RESNET, batch_size=12)
    found, known = system.responses(0, 12, list(RESNET)), hidden_states(resnet_folder, pictures, 12)
    for index in range(3):
        rows = known[index + 1].flatten(2).transpose(1, 2).flatten(0, 1).numpy()
        np.testing.assert_array_equal(found[f"stage{index}"], rows)
    shape = system.layer_shape("stage0")
    assert (shape.positions, shape.units) == (64, 8)
    y, x = (shape.position_table[axis] for axis in "yx")
    np.testing.assert_array_equal(
        found["stage0"].reshape(12, 64, 8)[3, (y == 2) & (x == 5)][0], known[1][3, :, 2, 5].numpy()
    )


def test_poolings_are_what_they_say(vit_folder, pictures):
    layers = {pooling: {"module": "layers.1", "pooling": pooling} for pooling in ("mean", "cls", "flatten")}
    system = vit(pictures, vit_folder, layers, batch_size=12)
    found = system.responses(0, 12, list(layers))
    known = hidden_states(vit_folder, pictures, 12)[2].numpy()
    np.testing.assert_allclose(found["mean"], known[:, 1:].mean(axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["cls"], known[:, 0])
    table = system.layer_shape("flatten").unit_table
    unit = np.flatnonzero((table["y"] == 1) & (table["x"] == 2) & (table["channel"] == 7))
    np.testing.assert_array_equal(found["flatten"][:, unit[0]], known[:, 1 + 1 * 4 + 2, 7])


def test_cuts_and_other_layers_change_no_bit(vit_folder, pictures):
    """Eight stimuli a batch, twelve stimuli: the last batch is padded, an early exit ends some passes."""
    whole = vit(pictures, vit_folder, batch_size=8).responses(0, 12, list(VIT))
    system = vit(pictures, vit_folder, batch_size=8)
    for start, stop in ((8, 12), (0, 8), (3, 10), (5, 5)):
        part = system.responses(start, stop, ["layer1"])
        np.testing.assert_array_equal(part["layer1"], whole["layer1"][start * 16 : stop * 16])


def test_the_pass_ends_after_the_last_wanted_layer(vit_folder, pictures):
    from transformers import AutoModel

    model = AutoModel.from_pretrained(vit_folder).eval()
    called = []
    for index in range(3):
        model.get_submodule(f"layers.{index}").register_forward_pre_hook(lambda *_, index=index: called.append(index))
    capture(model, {"a": Site("layers.0"), "b": Site("layers.1")}, lambda: model(torch.zeros(1, 3, 32, 32)), "vit")
    assert called == [0, 1]


def test_untrained_control_has_the_architecture_and_not_the_weights(resnet_folder, pictures):
    def responses(**params):
        return vit(pictures, resnet_folder, RESNET, batch_size=12, **params).responses(0, 12, ["stage2"])["stage2"]

    one, again, other = (responses(untrained=True, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert one.shape == responses().shape
    assert np.abs(one - other).max() > 1e-3
    assert np.abs(one - responses()).max() > 1e-3


def test_image_size_changes_the_grid(vit_folder, resnet_folder, pictures):
    small = vit(pictures, resnet_folder, RESNET, image_size=64)
    assert small.layer_shape("stage0").positions == 16 * 16
    larger = vit(pictures, vit_folder, VIT, image_size=48)
    assert larger.layer_shape("layer0").positions == 6 * 6
    assert larger.recipe("layer0") != vit(pictures, vit_folder).recipe("layer0")


@pytest.mark.parametrize("image_size", [None, 16])
def test_shapes_are_planned_without_weights(vit_folder, resnet_folder, pictures, image_size, monkeypatch):
    poolings = {pooling: {"module": "layers.1", "pooling": pooling} for pooling in ("mean", "cls", "flatten")}
    for folder, layers in ((vit_folder, {**VIT, **poolings}), (resnet_folder, RESNET)):
        system = vit(pictures, folder, layers, image_size=image_size)
        with monkeypatch.context() as patched:
            patched.setattr(type(system), "load_model", None)
            planned = {layer: system.planned_shape(layer) for layer in layers}
        for layer, shape in planned.items():
            known = system.layer_shape(layer)
            assert (shape.positions, shape.units) == (known.positions, known.units)
            assert shape.position_table.keys() == known.position_table.keys()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_lower_precision_is_close_and_comes_as_float32(vit_folder, pictures, dtype):
    exact, rounded = (
        vit(pictures, vit_folder, dtype=kind).responses(0, 12, ["layer2"])["layer2"] for kind in ("float32", dtype)
    )
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, exact, atol=0.1)
    assert np.abs(rounded - exact).max() > 0


def test_recipe_sees_weights_and_not_the_folder(vit_folder, pictures, tmp_path):
    from safetensors.torch import load_file, save_file

    recipe = vit(pictures, vit_folder).recipe("layer0")
    copied = tmp_path / "copied"
    shutil.copytree(vit_folder, copied)
    assert vit(pictures, str(copied)).recipe("layer0") == recipe
    weights = load_file(copied / "model.safetensors")
    weights["vit.embeddings.cls_token"] += 1
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    changed = vit(pictures, str(copied)).recipe("layer0")
    assert {key for key in recipe if recipe[key] != changed[key]} == {"weights"}
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["attention"] == "sdpa"
    assert recipe["preprocessing"]["backend"].startswith("ViTImageProcessorPil")


def test_untrained_recipe_depends_on_the_seed_alone(vit_folder, pictures):
    one, other = (vit(pictures, vit_folder, untrained=True, seed=seed).recipe("layer0") for seed in (0, 1))
    assert {key for key in one if one[key] != other[key]} == {"untrained_seed"}


@pytest.mark.parametrize("untrained", [False, True])
def test_the_recipe_is_the_same_before_and_after_the_model_is_loaded(vit_folder, pictures, tmp_path, untrained):
    """A job that goes on with a store asks for it before, the one that laid it out after."""
    folder = shutil.copytree(vit_folder, tmp_path / "vit")
    config = json.loads((folder / "config.json").read_text())
    config.pop("dtype", None)
    (folder / "config.json").write_text(json.dumps(config))
    system = vit(pictures, str(folder), untrained=untrained)
    before = system.recipe("layer0")
    system.responses(0, 2, ["layer0"])
    assert system.recipe("layer0") == before


# --- refusals --------------------------------------------------------------------------------------------------------


def test_unknown_layers_are_told_with_the_nearest_names(vit_folder, pictures):
    layers = {"a": {"module": "layers.7"}, "b": {"module": "layers.1"}, "c": {"module": "encoder.layer.2"}}
    with pytest.raises(HarvestError) as error:
        vit(pictures, vit_folder, layers).check()
    lines = str(error.value).splitlines()
    assert lines[0] == f"systems.vit.layers.a: 'layers.7' is not a module of {vit_folder}."
    assert "layers.1" in lines[1]
    assert lines[2] == f"  all layers: python scripts/list_layers.py {vit_folder}"
    assert lines[3].startswith("systems.vit.layers.c: 'encoder.layer.2'")
    with pytest.raises(HarvestError) as error:
        vit(pictures, vit_folder, layers, revision="v 1").check()
    assert str(error.value).splitlines()[2].endswith(f"list_layers.py {vit_folder} --revision 'v 1'")


def damaged(folder, tmp_path, *names):
    copied = tmp_path / "model"
    shutil.copytree(folder, copied)
    for name in names:
        (copied / name).unlink()
    return str(copied)


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("model.safetensors", "found no weights, expected model.safetensors"),
        ("config.json", "found no transformers model"),
        ("preprocessor_config.json", "found no image processor"),
    ],
)
def test_incomplete_folders_are_refused(vit_folder, pictures, tmp_path, missing, told):
    folder = damaged(vit_folder, tmp_path, missing)
    with pytest.raises(HarvestError, match=told) as error:
        vit(pictures, folder).check()
    assert folder in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_shard_is_refused(vit_folder, pictures, tmp_path):
    folder = damaged(vit_folder, tmp_path, "model.safetensors")
    with open(f"{folder}/model.safetensors.index.json", "w") as file:
        file.write('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')
    with pytest.raises(HarvestError, match="found no model-00001-of-00002"):
        vit(pictures, folder).check()


def test_a_folder_that_is_not_there_is_refused(pictures):
    with pytest.raises(HarvestError, match=r"\./nothing: found no folder"):
        vit(pictures, "./nothing").check()


@pytest.mark.parametrize("content", [b"broken", None], ids=["another format", "cut off"])
def test_broken_weights_are_refused(vit_folder, pictures, tmp_path, content):
    folder = damaged(vit_folder, tmp_path)
    with open(f"{folder}/model.safetensors", "rb") as file:
        whole = file.read()
    with open(f"{folder}/model.safetensors", "wb") as file:
        file.write(content or whole[:-100])
    with pytest.raises(HarvestError, match=r"model\.safetensors: found no readable weights"):
        vit(pictures, folder).check()


def test_weights_of_another_shape_are_refused(vit_folder, pictures, tmp_path):
    folder = damaged(vit_folder, tmp_path)
    with open(f"{folder}/config.json") as file:
        config = file.read()
    with open(f"{folder}/config.json", "w") as file:
        file.write(config.replace('"intermediate_size": 32', '"intermediate_size": 40'))
    with pytest.raises(HarvestError, match="weights cannot be loaded"):
        vit(pictures, folder).layer_shape("layer0")


def test_a_layer_behind_weights_that_are_missing_is_refused(vit_folder, pictures):
    """A classifier's checkpoint has no pooler: transformers would fill it with random numbers."""
    layers = {"before": {"module": "layers.2"}, "pooler": {"module": "pooler"}}
    system = vit(pictures, vit_folder, layers)
    with pytest.raises(HarvestError, match=r"no weights for pooler\.dense\.(weight|bias)"):
        system.layer_shape("pooler")


def test_models_of_text_and_stimuli_without_images_are_refused(vit_folder, pictures, tmp_path):
    from transformers import LlamaConfig

    from thresh.stimuli import prepare

    LlamaConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    ).save_pretrained(tmp_path)
    with pytest.raises(HarvestError, match="LlamaModel takes text, but the stimuli 'pictures' are of kind 'images'"):
        vit(pictures, str(tmp_path), {"a": {"module": "layers.0"}}).check()
    features = prepare("features", "f", samples=8, features=2, probability=0.5)
    with pytest.raises(HarvestError, match="ViTModel takes images, but the stimuli 'f' are of kind 'features'"):
        vit(features, vit_folder).check()


def test_no_class_token_no_cls_pooling(resnet_folder, pictures):
    system = vit(pictures, resnet_folder, {"a": {"module": "encoder.stages.0", "pooling": "cls"}})
    with pytest.raises(HarvestError, match=r"systems\.vit\.layers\.a\.pooling: found 'cls', but the output"):
        system.layer_shape("a")


def test_layers_are_listed_without_weights(vit_folder, tmp_path):
    listed = list_layers(damaged(vit_folder, tmp_path, "model.safetensors"))
    assert ("layers.2", "ViTLayer") in listed
    assert all(path for path, _ in listed)
