"""Several processes that share the rows of each batch learn what one process learns from whole batches."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from thresh.dictionaries import ArrayRows, load
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.registry import METHODS
from thresh.dictionaries.training import train

from .planted import plant

BATCH, ROWS = 128, 1000  # the last batch of an epoch is smaller
# A latent is dead after one batch of silence, and learns to explain what is left over, or is set to a row.
COMMON = {"atoms": 80, "epochs": 3, "batch_size": BATCH, "dead_after": 100, "learning_rate": 3e-3}
SPECS = {
    "topk": {"k": 2},
    "topk_resampled": {"method": "topk", "k": 2, "resample_every": 3},
    # Two that share their steps: each has its own number of latents in each half of a batch.
    "batchtopk": {"k": 2},
    "batchtopk_other_seed": {"method": "batchtopk", "k": 2, "seed": 1},
    "matryoshka": {"k": 2},
    "relu": {"penalty": 1.5, "learning_rate": 0.5, "resample_every": 3},
    "p_anneal": {"penalty": 1.5, "learning_rate": 0.3, "resample_every": 3},
    "jumprelu": {},
    "gated": {"penalty": 4.0, "learning_rate": 0.5, "resample_every": 3},
    "lista": {"penalty": 0.4},
    "mp": {"k": 2},
    "spade": {"sharpness": 40.0, "auxiliary": 1.0, "resample_every": 4},
    "archetypal": {"k": 2},
    "relaxed_archetypal": {"k": 2, "resample_every": 3},
    "universal": {"k": 2, "blocks": [14, 10]},
}
UNEVENTFUL = {"auxiliary": 0.0, "resample_every": None}
ALONE = {"method": "online", "atoms": 40, "epochs": 2, "batch_size": 200}

PROGRAM = """
import json
import sys
from pathlib import Path

import numpy as np

from thresh.dictionaries import ArrayRows
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import train
from thresh.dictionaries.training.ranks import ranks

folder = Path(sys.argv[2])


def finished(job, found):
    found.dictionary.save(folder / job.label)
    (folder / job.label / "curve.json").write_text(json.dumps(found.curve))


with ranks("cpu") as group:
    rows = ArrayRows(np.load(sys.argv[1]))
    jobs = [job_of(name, rows, spec, group.device) for name, spec in json.loads(sys.argv[3]).items()]
    train(jobs, rows, finished=finished)
    print("rank", "leads" if group.leads else "follows", flush=True)
"""


class Halves:
    """Rows in the order in which two processes see them: each batch is half of the one's and half of the other's."""

    def __init__(self, rows):
        self.rows, self.shape = rows, rows.shape

    def batches(self, batch_size, seed, epoch, start_batch=0, part=0, parts=1):
        order = np.random.default_rng([seed, epoch]).permutation(len(self.rows))
        # What runs begin with is the first rows of the epoch as it is read by one process.
        if batch_size != len(order):
            halves = [
                half[begin : begin + BATCH // 2]
                for begin in range(0, len(order) // 2, BATCH // 2)
                for half in np.split(order, 2)
            ]
            order = np.concatenate(halves)
        for begin in range(start_batch * batch_size, len(order), batch_size):
            yield self.rows[order[begin : begin + batch_size]]


def full(name: str) -> dict:
    return ALONE if name == "online" else {"method": name} | COMMON | SPECS[name]


@pytest.fixture(scope="module")
def rows():
    return plant(rows=ROWS, features=40, units=24, active=3).rows


@pytest.fixture(scope="module")
def together(rows, tmp_path_factory):
    """Folder of what two processes learned."""
    folder = tmp_path_factory.mktemp("together")
    np.save(folder / "rows.npy", rows)
    (folder / "learn.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    specs = json.dumps({name: full(name) for name in (*SPECS, "online")})
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*command, folder / "learn.py", folder / "rows.npy", folder, specs],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.splitlines()) == ["rank follows", "rank leads"]
    return folder


def learned(source, specs: dict[str, dict]) -> dict:
    found = {}
    jobs = [job_of(name, source, spec, "cpu") for name, spec in specs.items()]
    train(jobs, source, finished=lambda job, each: found.update({job.label: each}))
    return found


@pytest.fixture(scope="module")
def alone(rows):
    return learned(Halves(rows), {name: full(name) for name in SPECS})


@pytest.fixture(scope="module")
def uneventful(rows):
    return learned(Halves(rows), {name: full(name) | UNEVENTFUL for name in SPECS})


def tensors(dictionary):
    return list(dictionary.tensors().values())


def test_every_autoencoder_is_compared():
    known = {name for name, method in METHODS.items() if issubclass(method, SparseAutoencoder)}
    assert {full(name)["method"] for name in SPECS} == known


@pytest.mark.parametrize("name", SPECS)
def test_two_processes_learn_what_one_learns(name, together, alone):
    one = alone[name]
    for tensor, expected in zip(tensors(load(together / name)), tensors(one.dictionary), strict=True):
        # Gradients are added in another order, of which large steps make more.
        assert torch.allclose(tensor, expected, atol=5e-4 * float(expected.abs().max()))
    curve = json.loads((together / name / "curve.json").read_text())
    for point, expected in zip(curve, one.curve, strict=True):
        assert point == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", SPECS)
def test_dead_latents_take_part_in_what_is_compared(name, alone, uneventful):
    pairs = zip(tensors(alone[name].dictionary), tensors(uneventful[name].dictionary), strict=True)
    assert any(float((a - b).abs().max()) > 1e-2 * float(a.abs().max()) for a, b in pairs)


def test_what_is_no_autoencoder_is_learned_by_the_first_with_the_same_bits(rows, together):
    expected = learned(ArrayRows(rows), {"online": ALONE})["online"].dictionary
    assert all(torch.equal(*pair) for pair in zip(tensors(load(together / "online")), tensors(expected), strict=True))
