"""Models of timm: layers are what a plain hook on timm's own model finds for timm's own transform."""

import sys

import numpy as np
import pytest
import torch

from thresh.errors import HarvestError
from thresh.systems import list_layers, open_system, timm_models

try:
    import timm
# timm imports torchvision, which may be built for another torch.
except (ImportError, RuntimeError, OSError):
    timm = None

needs_timm = pytest.mark.skipif(timm is None, reason="timm or its torchvision cannot be imported")

NETS = {
    "resnet10t": ["layer1.0", "layer4"],
    "vit_tiny_patch16_224": ["blocks.0", "blocks.11"],
    "vit_small_patch14_reg4_dinov2": ["blocks.1"],
    # Its maps have their channels last.
    "swin_tiny_patch4_window7_224": ["layers.0", "layers.3"],
    "convnext_atto": ["stages.1"],
}
PREFIX = {"vit_tiny_patch16_224": 1, "vit_small_patch14_reg4_dinov2": 5}
SIZES = {"vit_small_patch14_reg4_dinov2": 56}


def opened(stimuli, model, layers, **params):
    params = {"untrained": True, "batch_size": 4, "image_size": SIZES.get(model), **params}
    return open_system("timm", "net", stimuli, layers=layers, device="cpu", model=model, **params)


def by_hand(model, stimuli, layers, count=4):
    """timm's model with the weights of seed 0, its transform, and plain hooks; module -> output, and the transform."""
    size = {"img_size": SIZES[model]} if model in SIZES else {}
    torch.manual_seed(0)
    net = timm.create_model(model, pretrained=False, **size).eval()
    data = timm.data.resolve_data_config(size, model=net)
    transform = timm.data.create_transform(**data, is_training=False)
    pixels = torch.stack([transform(image.convert("RGB")) for image in stimuli.images(0, count)])
    caught = {}
    for layer in layers:
        net.get_submodule(layer).register_forward_hook(
            lambda module, inputs, output, layer=layer: caught.update({layer: output.clone()})
        )
    with torch.no_grad():
        net(pixels)
    return net, caught


def rows_of(model, output):
    """Places of an output in the order of rows, (places, units)."""
    if output.ndim == 4:
        output = output if model.startswith("swin") else output.permute(0, 2, 3, 1)
        return output.flatten(0, 2)
    return output[:, PREFIX.get(model, 0) :].flatten(0, 1)


@needs_timm
@pytest.mark.parametrize("model", NETS)
def test_layers_are_what_a_plain_hook_finds(model, pictures):
    layers = {layer: {"module": layer, "pooling": "positions"} for layer in NETS[model]}
    system = opened(pictures, model, layers)
    system.check()
    planned = {layer: system.planned_shape(layer) for layer in layers}
    found = system.responses(0, 4, list(layers))
    _, known = by_hand(model, pictures, layers)
    for layer, output in known.items():
        rows = rows_of(model, output)
        np.testing.assert_array_equal(found[layer], rows.numpy())
        shape = system.layer_shape(layer)
        assert (shape.positions, shape.units) == (planned[layer].positions, planned[layer].units)
        side = int(np.sqrt(len(rows) / 4))
        y, x = np.indices((side, side))
        np.testing.assert_array_equal(shape.position_table["y"], y.ravel())
        np.testing.assert_array_equal(shape.position_table["x"], x.ravel())


@needs_timm
def test_poolings_leave_class_and_register_tokens_out(pictures):
    model = "vit_small_patch14_reg4_dinov2"
    layers = {kind: {"module": "blocks.1", "pooling": kind} for kind in ("mean", "cls")}
    found = opened(pictures, model, layers).responses(0, 4, list(layers))
    known = by_hand(model, pictures, ["blocks.1"])[1]["blocks.1"].numpy()
    assert known.shape[1] == 5 + 16
    np.testing.assert_allclose(found["mean"], known[:, 5:].mean(axis=1), atol=1e-5)
    np.testing.assert_array_equal(found["cls"], known[:, 0])


@needs_timm
@pytest.mark.parametrize(("size", "side"), [(None, 6), (64, 2)])
def test_other_image_sizes_have_their_own_grid(pictures, size, side):
    system = opened(pictures, "resnet10t", {"a": {"module": "layer4", "pooling": "positions"}}, image_size=size)
    net = timm.create_model("resnet10t")
    wanted = size or timm.data.resolve_model_data_config(net)["input_size"][-1]
    assert system.feed.batch(0, 2).inputs["pixel_values"].shape == (2, 3, wanted, wanted)
    assert system.layer_shape("a").positions == (-(-wanted // 32)) ** 2
    if size == 64:
        assert system.layer_shape("a").positions == side**2


@needs_timm
@pytest.mark.parametrize("wrapped", [False, True])
def test_weights_of_a_file_are_loaded_and_told_apart(pictures, tmp_path, wrapped):
    layers = {"a": {"module": "layer2", "pooling": "positions"}}
    net, known = by_hand("resnet10t", pictures, ["layer2"])
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": net.state_dict()} if wrapped else net.state_dict(), path)
    system = opened(pictures, "resnet10t", layers, untrained=False, weights=str(path))
    system.check()
    np.testing.assert_array_equal(system.responses(0, 4, ["a"])["a"], rows_of("resnet10t", known["layer2"]).numpy())
    other = dict(net.state_dict())
    other["conv1.0.weight"] = other["conv1.0.weight"] + 1
    torch.save(other, tmp_path / "other.pth")
    changed = opened(pictures, "resnet10t", layers, untrained=False, weights=str(tmp_path / "other.pth"))
    one, two = system.recipe("a"), changed.recipe("a")
    assert {key for key in one if one[key] != two[key]} == {"weights"}


@needs_timm
def test_weights_that_do_not_fit_or_cannot_be_read_are_told(pictures, tmp_path):
    layers = {"a": {"module": "layer2"}}
    (tmp_path / "broken.pth").write_bytes(b"broken")
    torch.save({"conv1.0.weight": torch.ones(2)}, tmp_path / "other.pth")
    for name in ("broken.pth", "other.pth"):
        system = opened(pictures, "resnet10t", layers, untrained=False, weights=str(tmp_path / name))
        with pytest.raises(HarvestError, match=rf"resnet10t: weights cannot be loaded from .*{name} \(") as error:
            system.layer_shape("a")
        assert "\n" not in str(error.value)
    with pytest.raises(HarvestError, match=r"none\.pth: found no file, expected a checkpoint"):
        opened(pictures, "resnet10t", layers, untrained=False, weights=str(tmp_path / "none.pth")).check()


@needs_timm
def test_untrained_weights_follow_the_seed_and_leave_the_global_one(pictures):
    layers = {"a": {"module": "layer4"}}

    def responses(seed):
        return opened(pictures, "resnet10t", layers, seed=seed).responses(0, 4, ["a"])["a"]

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    np.testing.assert_array_equal(responses(1), responses(1))
    assert np.abs(responses(1) - responses(2)).max() > 1e-3
    assert torch.rand(1) == expected


@needs_timm
def test_bfloat16_is_timms_own_bfloat16(pictures):
    layers = {"a": {"module": "blocks.3", "pooling": "positions"}}
    system = opened(pictures, "vit_tiny_patch16_224", layers, dtype="bfloat16")
    found = system.responses(0, 4, ["a"])["a"]
    torch.manual_seed(0)
    net = timm.create_model("vit_tiny_patch16_224").eval().to(torch.bfloat16)
    caught = []
    net.blocks[3].register_forward_hook(lambda module, inputs, output: caught.append(output.clone()))
    with torch.no_grad():
        net(system.feed.batch(0, 4).inputs["pixel_values"])
    np.testing.assert_array_equal(found, caught[0][:, 1:].flatten(0, 1).float().numpy())


@needs_timm
def test_unknown_models_and_tags_are_told(pictures):
    for model, told in (
        ("no_such_net", r"net\.model: no_such_net: found no model of that name in timm"),
        ("resnet10t.nothing", r"found no weights 'nothing' of resnet10t, expected one of: c3_in1k"),
    ):
        with pytest.raises(HarvestError, match=told):
            opened(pictures, model, {"a": {"module": "layer1"}}).check()


@needs_timm
def test_layers_are_listed_without_weights():
    listed = list_layers("vit_tiny_patch16_224", kind="timm")
    assert ("blocks.11", "Block") in listed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("raise ImportError(\"No module named 'timm'\")", "No module named 'timm'"),
        ("raise RuntimeError('operator torchvision::nms does not exist')", "torchvision::nms does not exist"),
    ],
)
def test_without_timm_or_with_a_torchvision_for_another_torch_the_extra_is_named(
    pictures, tmp_path, monkeypatch, content, told
):
    (tmp_path / "timm.py").write_text(content)
    for name in [one for one in sys.modules if one.partition(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(HarvestError, match=rf"systems\.net: kind timm needs .*{told}.*pip install 'thresh\[timm\]'"):
        opened(pictures, "resnet10t", {"a": {"module": "layer1"}}).check()


def test_digests_of_values_see_every_weight():
    """Also those without a dimension, and those of a type that NumPy does not know."""
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 2, dtype=torch.bfloat16))
    digests = [timm_models.digest_of_state(net)]
    assert timm_models.digest_of_state(net) == digests[0]
    for key in net.state_dict():
        with torch.no_grad():
            net.state_dict()[key].add_(1)
        digests.append(timm_models.digest_of_state(net))
    assert len(set(digests)) == len(digests)
