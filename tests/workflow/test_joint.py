"""A dictionary of two systems in a real study: learned once, a part for each layer, codes that go together."""

import shutil

import numpy as np

from thresh.dictionaries import load
from thresh.store import open_codes

PLANTED = {
    "device": "cpu",
    "stimuli": {
        "latents": {"kind": "features", "samples": 1500, "features": 16, "probability": 0.12, "split": {"test": 0.2}}
    },
    "systems": {
        "a": {"kind": "planted", "stimuli": "latents", "units": 20, "seed": 1},
        "b": {"kind": "planted", "stimuli": "latents", "units": 18, "seed": 2},
    },
    "dictionaries": {
        "shared": {"method": "universal", "atoms": 16, "params": {"k": 3, "epochs": 150, "batch_size": 128}},
        "control": {"method": "random", "atoms": 16},
    },
    "inference": {"encoder": {"solver": "encoder"}},
}
PARTS = {f"learn_joint_dictionary dictionaries/{system}/units/shared" for system in "ab"}


def codes(project, system):
    return (
        open_codes(project.folder / "results" / "codes" / system / "units" / "shared" / "encoder.zarr").read().toarray()
    )


def test_a_dictionary_of_two_systems_from_the_config_to_codes(fresh):
    fresh.write_config(PLANTED)
    assert fresh.computed("codes") >= PARTS
    atom_by_atom_the_codes_of_both_systems_agree(*(codes(fresh, system) for system in "ab"))
    a_lost_part_is_made_again_the_same_and_the_other_stays(fresh)
    config = fresh.config()
    config["dictionaries"]["shared"]["systems"] = ["a"]
    fresh.write_config(config)
    done = fresh.snakemake("codes")
    assert done.returncode != 0
    assert "dictionaries.shared: found 1 layers that it applies to, expected two" in done.stdout + done.stderr


def test_several_processes_learn_both_kinds_of_dictionaries(fresh):
    """A code of two systems and an autoencoder of one layer by both; what is no autoencoder by the first alone."""
    own = {"method": "batchtopk", "atoms": 16, "systems": ["a"], "params": {"k": 3, "epochs": 2}}
    shared = {"method": "universal", "atoms": 16, "params": {"k": 3, "epochs": 2}}
    control = {"method": "random", "atoms": 16, "systems": ["a"]}
    config = PLANTED | {"dictionaries": {"own": own, "shared": shared, "control": control}}
    fresh.write_config(config | {"training": {"processes": 2}})
    learned = PARTS | {"learn_dictionaries dictionaries/a/units/own"}
    by_the_first = "learn_dictionaries dictionaries/a/units/control"
    assert fresh.computed("dictionaries") >= learned | {by_the_first}
    by_two = {name: atoms_of(fresh, name) for name in config["dictionaries"]}
    fresh.write_config(config)
    # Which rows meet in a batch depends on the number of processes.
    assert fresh.computed("dictionaries") >= learned
    for name, atoms in by_two.items():
        assert np.array_equal(atoms, atoms_of(fresh, name)) == (name == "control")


def atoms_of(project, dictionary):
    return load(project.folder / "results" / "dictionaries" / "a" / "units" / dictionary).atoms


def atom_by_atom_the_codes_of_both_systems_agree(a, b):
    active = (a.std(axis=0) > 0) & (b.std(axis=0) > 0)
    agreement = [np.corrcoef(a[:, j], b[:, j])[0, 1] for j in np.flatnonzero(active)]
    other = [np.corrcoef(a[:, j], b[:, (j + 1) % 16])[0, 1] for j in np.flatnonzero(active & np.roll(active, -1))]
    assert np.mean(agreement) > 0.8
    assert np.mean(other) < 0.2


def a_lost_part_is_made_again_the_same_and_the_other_stays(project):
    lost, kept = (project.folder / "results" / "dictionaries" / system / "units" for system in "ab")
    before = {path: path.read_bytes() for path in (lost / "shared.json", kept / "shared.json")}
    (lost / "shared.json").unlink()
    shutil.rmtree(lost / "shared")
    assert project.computed("dictionaries") == {"learn_joint_dictionary dictionaries/a/units/shared"}
    assert {path: path.read_bytes() for path in before} == before
