"""docs/inference.md has a section for every solver, with all its parameters, and examples that work."""

import re
from pathlib import Path

import pytest
import yaml

from thresh.config.analysis import Inference
from thresh.inference import SOLVERS
from thresh.inference.solvers import LASSO, check_solver

PAGE = (Path(__file__).parents[2] / "docs" / "inference.md").read_text(encoding="utf-8")
PARTS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
SECTIONS = {
    section.split(":")[0]: section for part in PARTS for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]
}


def named(text):
    """Parameters in the tables of a text, with what stands as their defaults."""
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", text, re.MULTILINE)
    return {name: default for names, default in rows for name in re.findall(r"`(\w+)`", names)}


def common(solver):
    """What the part of the page that a solver's section is in tells for all of its solvers."""
    (part,) = (part for part in PARTS if f"\n### {solver}:" in part)
    return named(part.partition("\n### ")[0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_has_a_section_that_says_what_it_is_for(solver):
    for word in ("**Model**", "**Choose it**", "**Cost**"):
        assert word in SECTIONS[solver]


@pytest.mark.parametrize("solver", SOLVERS)
def test_parameters_of_a_section_are_the_solver_s_own_and_all_of_them(solver):
    own, parameters = named(SECTIONS[solver]), SOLVERS[solver].parameters
    assert own.keys() | common(solver).keys() == parameters.keys()


@pytest.mark.parametrize("solver", SOLVERS)
def test_numbers_that_stand_alone_as_defaults_are_those_of_the_solver(solver):
    for name, default in named(SECTIONS[solver]).items():
        if re.fullmatch(r"\d*\.?\d+(e-\d+)?", default):
            assert float(default) == SOLVERS[solver].parameters[name].default


def test_what_solvers_of_the_lasso_have_in_common_is_told_once():
    assert common("fista").keys() == LASSO.keys() | {"nonnegative"}


def test_the_config_of_the_page_is_one():
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for content in yaml.safe_load(block)["inference"].values():
        found = Inference.model_validate(content)
        check_solver(found.solver, found.params)


def test_the_example_in_python_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found = {}
    exec(code, found)
    assert found["codes"].shape == (500, 40)
    assert found["more"].shape == (100, 40)
