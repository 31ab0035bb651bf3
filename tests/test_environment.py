"""One set of versions: the lock, the conda file and the lower bounds agree."""

import importlib.util
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "envs" / "requirements.lock").read_text()
PINS = dict(line.lower().split("==") for line in LOCK.splitlines() if line and not line.startswith("#"))


def test_the_conda_file_holds_the_pins_of_the_lock():
    path = ROOT / "scripts" / "write_conda_environment.py"
    specification = importlib.util.spec_from_file_location("write_conda_environment", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert (ROOT / "envs" / "thresh.yaml").read_text() == module.conda_environment(LOCK), "run: make docs"


def test_every_dependency_is_pinned_above_its_lower_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["dev"], *extras["slurm"]]:
        requirement = Requirement(text)
        pin = PINS[requirement.name.lower()]
        assert requirement.specifier.contains(pin), f"{text}: the lock pins {pin}"
        assert any(bound.operator == ">=" for bound in requirement.specifier), text
