"""What docs/macaque_v4.md claims, read from its results. Run the command of that page first."""

from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(__file__).parents[1] / "results" / "macaque_v4"
LAYERS = ("layer1", "layer2", "layer3")

pytestmark = pytest.mark.skipif(
    not (RESULTS / "report" / "index.html").exists(), reason="config/macaque_v4.yaml has not been run"
)


def prediction_of_v4(system, layer, representation="raw"):
    """Median over neurons of the held-out correlation over the ceiling."""
    table = pd.read_parquet(RESULTS / "alignment" / "V4" / system / layer / "V4" / "V4" / "scores.parquet")
    wanted = {"metric": "linear_predictivity", "direction": "a_to_b", "representation": representation}
    (score,) = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)].score
    return score


def test_training_and_then_layers_beat_pixels():
    assert prediction_of_v4("trained", "layer2") >= 0.5
    pixels = prediction_of_v4("pixels", "pixels")
    for layer in LAYERS:
        assert prediction_of_v4("trained", layer) > prediction_of_v4("untrained", layer) > pixels


def test_shuffled_images_predict_nothing():
    for system, layers in {"trained": LAYERS, "untrained": LAYERS, "pixels": ["pixels"]}.items():
        for layer in layers:
            assert abs(prediction_of_v4(system, layer, "raw shuffled")) <= 0.05


def test_codes_predict_no_better_than_raw_activations_and_learned_ones_as_well_as_random_ones():
    for layer in LAYERS:
        raw, learned, random = (prediction_of_v4("trained", layer, name) for name in ("raw", "learned", "random"))
        assert learned < raw + 0.005
        assert abs(learned - random) < 0.02
