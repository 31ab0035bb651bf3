"""The examples of docs/alignment.md and docs/statistics.md run as they stand, and give the numbers beside them."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
import zarr
from scipy.spatial.distance import pdist

from thresh.alignment import METRICS, compare_rdms
from thresh.config import Comparison
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, seal
from thresh.store.arrays import write_array

from .simulate import normal

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = {
    page: re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    for page in ("alignment", "statistics")
}
OF_A_STUDY = "results/quickstart"
ALONE = [(page, number) for page, blocks in BLOCKS.items() for number in range(len(blocks))]


def run(code):
    names = {}
    exec(code, names)
    return names


def printed(text):
    return [float(number) for number in re.findall(r"-?\d*\.\d+", text)]


@pytest.mark.parametrize(("page", "number"), [one for one in ALONE if OF_A_STUDY not in BLOCKS[one[0]][one[1]]])
def test_an_example_runs_by_itself_and_prints_what_stands_beside_it(page, number, capsys):
    code = BLOCKS[page][number]
    run(code)
    lines = capsys.readouterr().out.splitlines()
    told = [re.search(r"# (\.\d+)$", line) for line in code.splitlines() if line.startswith("print(")]
    assert len(lines) == len(told)
    for line, number_told in zip(lines, told, strict=True):
        if number_told is not None:
            assert printed(line) == [pytest.approx(float(number_told[1]), abs=0.5 * 10 ** (1 - len(number_told[1])))]


def test_the_example_of_theory_agrees_with_theory(capsys):
    run(BLOCKS["alignment"][0])
    measured, expected = printed(capsys.readouterr().out)
    assert measured == pytest.approx(expected, abs=0.02)


def test_the_example_of_statistics_tells_what_was_planted():
    names = run(BLOCKS["statistics"][0])
    assert names["found"].p == 1 / 1001
    assert names["around"].low < names["score"](names["x"], names["y"]) < names["around"].high


def test_comparisons_of_the_page_are_comparisons():
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "alignment.md").read_text(encoding="utf-8"), re.DOTALL)
    for content in (one for block in blocks for one in yaml.safe_load(block).get("alignment", {}).values()):
        for name, params in Comparison.model_validate(content).metrics.items():
            METRICS[name].split_parameters(params)


def test_repeats_of_a_study_s_recording_are_read_from_its_store(tmp_path, monkeypatch):
    """A layer of two rows a stimulus, and a recording of the same responses, each repeat with noise of its own."""
    (code,) = (block for block in BLOCKS["alignment"] if OF_A_STUDY in block)
    recorded, layer = re.findall(r'open_activations\("(.*?)"\)', code)
    x = normal(40, 30)
    stimulus = np.repeat(np.arange(40), 4)[1:]  # the first was shown three times
    repeat = np.r_[np.arange(3), np.tile(np.arange(4), 39)]
    trials = {"values": x[stimulus] + 0.3 * normal(159, 30, 1), "stimulus": stimulus, "repeat": repeat}
    write(tmp_path / recorded, x, np.arange(40), trials)
    # The mean of its two rows is the stimulus' response.
    around = np.repeat(normal(40, 30, 2), 2, axis=0) * np.tile([1.0, -1.0], 40)[:, None]
    write(tmp_path / layer, np.repeat(x, 2, axis=0) + around, np.repeat(np.arange(40), 2), {})
    monkeypatch.chdir(tmp_path)
    names = run(code)
    np.testing.assert_allclose(names["x"], x, atol=1e-5)
    assert np.isnan(names["repeats"][3, 0]).all()
    assert names["similarity"] > 0.97
    # Of other stimuli the similarity is far below.
    distances = pdist(x, "sqeuclidean"), pdist(x[::-1], "sqeuclidean")
    assert compare_rdms(*distances, "whitened_cosine") < 0.5


def write(path, values, stimulus, trials):
    """A sealed store, with what a recording has beside its responses."""
    path.parent.mkdir(parents=True)
    ids = np.array([f"{number:03d}" for number in range(stimulus.max() + 1)])
    spec = ActivationsSpec(
        rows={"stimulus": stimulus, "position": np.full(len(values), -1)},
        units={"unit": np.arange(values.shape[1])},
        stimuli={"id": ids, "hash": ids},
        dtype="float32",
        attributes={"facts": {}},
    )
    shards = lay_out_activations(path, spec)
    ShardWriter(path, list(range(len(shards))), lambda index, digest: None).put(0, values.astype(np.float32))
    if trials:
        group = zarr.open_group(path, mode="r+").create_group("trials")
        for name, content in trials.items():
            write_array(group, name, content, ("presentation", "unit")[: content.ndim])
    seal(path)
