"""Every script can be run by hand: its help shows how, and what is wrong with its command line is told in one line."""

import functools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_digits

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
STAGES = [script for script in SCRIPTS if "stage_parser" in script.read_text()]
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
# For the workflow alone: the first makes a key, the others are read by rules and by other stages.
NOT_READ = {"versions", "stimuli", "constant_units"}


def bash(command: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", "-c", command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


@functools.cache
def example_of(script: Path) -> str:
    """The command that the help of a script shows."""
    help_text = bash(f"python scripts/{script.name} --help").stdout
    (example,) = re.findall(r"^Example.*:\n((?:  .*\n?)+)", help_text, re.MULTILINE)
    return example.strip()


@functools.cache
def arguments_of(command: str) -> list[str]:
    """Arguments that a script is given by a command, as the shell reads them."""
    words = bash(command.replace("python", r"printf '%s\0'", 1)).stdout.split("\0")
    return words[1:-1]


def params_of(arguments: list[str]) -> dict:
    return json.loads(arguments[arguments.index("--params") + 1]) if "--params" in arguments else {}


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> dict[str, list[dict]]:
    """Script -> params of each of its commands in the quickstart."""
    # Nothing stands in an empty folder, so that every job of the study is listed.
    folder = tmp_path_factory.mktemp("empty")
    dry_run = f"snakemake --configfile config/quickstart.yaml --directory {folder} --cores 1 --dry-run --printshellcmds"
    lines = bash(dry_run).stdout.splitlines()
    found: dict[str, list[dict]] = {}
    for line in lines:
        if "python " in line:
            words = shlex.split(line[line.index("python ") :])
            found.setdefault(Path(words[1]).name, []).append(params_of(words))
    return found


def within(part: object, whole: object) -> bool:
    """Every key of one value is in the other, with the same value or again with values within."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and within(value, whole[key]) for key, value in part.items())
    return part == whole


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_shows_an_example_of_the_script_itself(script):
    assert example_of(script).startswith(f"python scripts/{script.name}")


@pytest.mark.parametrize("script", STAGES, ids=lambda path: path.stem)
def test_params_of_the_example_are_what_the_workflow_gives(script, commands):
    params = params_of(arguments_of(example_of(script)))
    alike = [given for given in commands[script.name] if within(params, given)]
    assert alike, params
    assert any(set(given) - set(params) <= NOT_READ for given in alike)


@pytest.mark.parametrize("script", STAGES, ids=lambda path: path.stem)
def test_keys_that_params_lack_are_told_in_one_line(script, tmp_path):
    arguments = arguments_of(example_of(script))
    if "--params" not in arguments:
        pytest.skip("takes no params")
    without = [*arguments, "--params", "{}"]  # of an option that comes twice the last counts
    line = refused(script.stem, without, tmp_path)
    assert line.startswith(f"ERROR {script.stem}: --params: found [], expected the keys ")
    wanted = line.partition("the keys ")[2].partition(";")[0].split(", ")
    assert set(wanted) <= set(params_of(arguments))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("{kind: digits}", "--params: found '{kind: digits}', expected a JSON object (Expecting property name"),
        ('["digits"]', "--params: found '[\"digits\"]', expected a JSON object, in braces."),
        ('{"kind": "images", "split": {}}', "stimuli.a: found None, expected one of the keys folder, table,"),
        ('{"kind": "digit", "split": {}}', "stimuli.a.kind: found 'digit', expected one of digits,"),
    ],
)
def test_params_that_cannot_be_used_are_told_in_one_line(params, told, tmp_path):
    line = refused("prepare_stimuli", ["--params", params, "--manifest", "a.json"], tmp_path)
    assert line.startswith(f"ERROR prepare_stimuli: {told}")


def refused(stage: str, arguments: list[str], folder: Path) -> str:
    """The single line with which a stage ends."""
    done = bash(shlex.join(["python", f"{ROOT}/scripts/{stage}.py", *arguments]), folder)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_a_product_without_params_is_told_in_one_line(tmp_path):
    arguments = ["--activations", "a.json", "--stimuli", "s.json", "--manifest", "topk=topk.json"]
    params = {"place": "net/layer", "products": {"online": {}}}
    manifests = {name: tmp_path / f"{name}.json" for name in ("a", "s")}
    for path in manifests.values():
        path.write_text('{"digest": "d"}')
    line = refused("learn_dictionaries", [*arguments, "--params", json.dumps(params)], tmp_path)
    assert line.startswith("ERROR learn_dictionaries: --params: found ['online'], expected the product topk")


def test_the_example_of_prepare_stimuli_prepares_stimuli(tmp_path):
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    done = bash(example_of(ROOT / "scripts" / "prepare_stimuli.py"), tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "by_hand" / "digits.json").read_text())["facts"]
    assert facts["stimuli"] == len(load_digits().target)
    assert (tmp_path / "by_hand" / "digits.zarr").is_dir()
