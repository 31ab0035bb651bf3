import numpy as np
import pytest
import torch

from thresh.errors import ConfigError, HarvestError
from thresh.stimuli import prepare
from thresh.systems import open_system
from thresh.systems.small_models import shifted, train_small_model


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    return folder, train_small_model(digits, folder, architecture="resnet", seed=1, epochs=4, minimum_accuracy=0.9)


def test_the_saved_model_is_as_good_as_the_trained_one(digits, trained):
    """Loaded and applied as any hub model would be, to the test images."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder, facts = trained
    test = np.flatnonzero(digits.split == "test")
    images = [digits.image(index).convert("RGB") for index in test]
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        guess = model(**AutoImageProcessor.from_pretrained(folder)(images=images, return_tensors="pt")).logits.argmax(1)
    accuracy = (guess.numpy() == digits.attributes["label"][test]).mean()
    assert accuracy == pytest.approx(facts["test_accuracy"], abs=2 / len(test))
    assert facts["loss"][-1] < facts["loss"][0]
    assert accuracy > 0.9


@pytest.mark.parametrize("architecture", ["resnet", "vit"])
def test_three_layers_of_sixteen_places(digits, tmp_path, architecture):
    train_small_model(digits, tmp_path, architecture=architecture, epochs=1)
    path = {"resnet": "encoder.stages.0.layers.{}", "vit": "layers.{}"}[architecture]
    layers = {f"layer{index}": {"module": path.format(index), "pooling": "positions"} for index in range(3)}
    system = open_system("transformers", architecture, digits, layers=layers, model=str(tmp_path), device="cpu")
    system.check()
    for layer in layers:
        shape = system.layer_shape(layer)
        assert (shape.positions, shape.units) == (16, 64)
        np.testing.assert_array_equal(shape.position_table["y"] * 4 + shape.position_table["x"], np.arange(16))


def test_the_same_seed_gives_the_same_weights(digits, tmp_path):
    def weights(seed, name):
        train_small_model(digits, tmp_path / name, architecture="vit", seed=seed, epochs=1)
        return (tmp_path / name / "model.safetensors").read_bytes()

    torch.manual_seed(11)
    first = weights(0, "a")
    torch.manual_seed(12)  # what was drawn before does not matter
    assert weights(0, "b") == first
    assert weights(1, "c") != first


def test_shifts_move_images_as_a_whole():
    torch.manual_seed(0)
    images = torch.full((64, 3, 9, 9), -1.0)
    images[:, :, 4, 4] = torch.arange(64.0)[:, None]
    found = shifted(images, 2)
    places = []
    for index in range(1, 64):
        (y, x) = (found[index, 0] == index).nonzero()[0].tolist()
        places.append((y - 4, x - 4))
        assert (found[index, :, y, x] == index).all()
        assert (found[index] != -1).sum() == 3
    assert {max(abs(y), abs(x)) for y, x in places} == {0, 1, 2}


def test_what_cannot_be_trained_is_told_and_nothing_is_saved(digits, tmp_path):
    with pytest.raises(HarvestError, match=r"small_models\.net: found a test accuracy of 0\.\d+ after 1 epochs"):
        train_small_model(digits, tmp_path / "net", architecture="vit", epochs=1, minimum_accuracy=0.99, name="net")
    assert not (tmp_path / "net").exists()
    with pytest.raises(ConfigError, match="one of resnet, vit"):
        train_small_model(digits, tmp_path / "net", architecture="mlp")
    features = prepare("features", "f", samples=8, features=2, probability=0.5)
    with pytest.raises(HarvestError, match="found stimuli 'f' without labels"):
        train_small_model(features, tmp_path / "net", architecture="vit")
