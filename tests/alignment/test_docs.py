"""The examples of docs/alignment.md and docs/statistics.md run as they stand, and give the numbers beside them."""

import re
from pathlib import Path

import pytest
import yaml

from thresh.alignment import METRICS
from thresh.config import Comparison

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = {
    page: re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    for page in ("alignment", "statistics")
}
ALONE = [(page, number) for page, blocks in BLOCKS.items() for number in range(len(blocks))]


def run(code):
    names = {}
    exec(code, names)
    return names


def printed(text):
    return [float(number) for number in re.findall(r"-?\d*\.\d+", text)]


@pytest.mark.parametrize(("page", "number"), ALONE)
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
