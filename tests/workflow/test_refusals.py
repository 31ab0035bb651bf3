"""What is wrong with a study is told in the terminal, before anything long has begun."""

import re
import shutil
import subprocess
import sys
from pathlib import Path


def refused(project, *targets, launched=()):
    """Output of a run that fails; nothing but checks and the named stages may have computed."""
    done = project.snakemake(*targets)
    assert done.returncode != 0
    verdicts = [
        line.split()[1]
        for log in (project.folder / "results").rglob("*.log")
        for line in log.read_text().splitlines()
        if line.startswith("COMPUTE")
    ]
    checks = {"check_methods", "check_system", "check_pairs", "check_widths"}
    assert set(verdicts) <= {"prepare_stimuli", *checks, *launched}, verdicts
    return done.stdout + done.stderr


def test_all_errors_of_a_config_at_once_and_nothing_is_written(fresh):
    config = fresh.config()
    config["systems"]["net"]["factry"] = "x"
    config["dictionaries"]["online"]["systems"] = ["nett"]
    config["inference"]["omp"]["solvr"] = "omp"
    fresh.write_config(config)
    told = refused(fresh)
    assert "study.yaml: systems.net.factry: unknown key here; nearest: factory" in told
    assert "study.yaml: inference.omp.solvr: unknown key here; nearest: solver" in told
    assert "study.yaml: dictionaries.online.systems: found 'nett', expected a key of `systems`; nearest: net" in told
    assert not (fresh.folder / "results").exists()


def test_an_unknown_layer_is_told_with_the_nearest_before_any_harvest(fresh):
    factory = fresh.folder / "inputs" / "factory.py"
    factory.write_text(factory.read_text().replace("network()", "network(width)"))
    config = fresh.config()
    config["systems"]["net"]["arguments"] = {"width": 6}
    config["systems"]["net"]["layers"]["first"]["module"] = "11"
    fresh.write_config(config)
    told = refused(fresh, launched=["harvest", "gather"])  # of the other system
    assert "systems.net.layers.first: '11' is not a module of factory:network" in told
    assert "nearest: 1" in told
    (command,) = set(re.findall("all layers: (.*)", told))
    # As a user runs it who reads it there, with the environment activated.
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(fresh.folder / "src")}
    listed = subprocess.run(command, shell=True, cwd=fresh.folder, env=path, capture_output=True, text=True)
    assert listed.stdout.split() == ["0", "Conv2d", "1", "Tanh", "2", "Conv2d", "3", "Tanh"], listed.stderr
    assert not (fresh.folder / "results" / "activations" / "net").exists()


def test_methods_parameters_and_metrics_that_cannot_be_used_together(fresh):
    config = fresh.config()
    config["dictionaries"]["random"]["method"] = "randm"
    config["dictionaries"]["online"]["params"]["penalti"] = 0.1
    config["inference"]["omp"]["params"] = {"k": 0}
    config["alignment"]["both"]["metrics"] = {"linear_ckaa": {}, "rsa": {"distance": "euclid"}}
    fresh.write_config(config)
    told = refused(fresh)
    assert "dictionaries.random.method: found 'randm'" in told
    assert "dictionaries.online.params.penalti: found 0.1" in told
    assert "inference.omp.params.k: found 0" in told
    assert "alignment.both.metrics.linear_ckaa: " in told
    assert "alignment.both.metrics.rsa.distance: found 'euclid'" in told
    # All that is wrong stands at the end, where a user looks.
    assert len(told[told.rindex("ERROR check_methods: ") :].splitlines()) < 12


def test_a_missing_file_is_told_with_its_key(fresh):
    (fresh.folder / "inputs" / "weights.pt").unlink()
    told = refused(fresh, launched=["harvest", "gather"])  # of the other system
    assert not (fresh.folder / "results" / "activations" / "net").exists()
    assert "systems.net.weights: inputs/weights.pt: found no file" in told


def test_more_atoms_than_rows_are_told_before_any_harvest(fresh):
    config = fresh.config()
    config["dictionaries"]["random"]["atoms"] = 5000
    config["dictionaries"]["online"]["atoms"] = "700x"
    fresh.write_config(config)
    # Without the target a harvest may begin beside the check, for that waits for the checks of all systems.
    told = refused(fresh, "checks")
    assert "ERROR check_widths: " in told
    assert re.search(r"dictionaries\.random: net/first: found \d+ rows for 5000 atoms, expected at least as many", told)
    assert re.search(r"dictionaries\.online: net/first: found \d+ rows for 4200 atoms, expected at least as many", told)


def test_a_constant_unit_is_refused_by_the_stage_that_sees_it(fresh):
    config = fresh.config()
    config["systems"]["pixels"]["constant_units"] = "refuse"
    fresh.write_config(config)
    told = refused(fresh, launched=["harvest", "gather", "learn_dictionaries", "infer_codes", "evaluate"])
    assert (
        "systems.pixels.layers.pixels: found 3 of 64 units constant over all rows as they are stored, in float16 (units"
        " 0, 32, 39)" in told
    )
    assert not (fresh.folder / "results" / "activations" / "pixels" / "pixels.json").exists()


def test_a_workflow_in_another_folder_finds_its_scripts(fresh, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(fresh.folder / "inputs", elsewhere / "inputs")
    done = fresh.snakemake("--directory", str(elsewhere), "results/methods.json", "results/stimuli/digits.json")
    assert done.returncode == 0, done.stderr
    assert (elsewhere / "results" / "stimuli" / "digits.json").exists()
