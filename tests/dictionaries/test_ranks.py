"""Several processes that share the rows of each batch learn what one process learns from whole batches."""

import json
import os
import subprocess
import sys

import numpy as np
import torch

from thresh.dictionaries import ArrayRows, load
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import train

from .planted import plant

SPECS = {
    "sae": {"method": "topk", "atoms": 40, "k": 4, "epochs": 3, "batch_size": 128, "dead_after": 400},
    "online": {"method": "online", "atoms": 40, "epochs": 2, "batch_size": 200},
}

PROGRAM = """
import json
import sys
from pathlib import Path

import numpy as np

from thresh.dictionaries import ArrayRows
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import train
from thresh.dictionaries.training.ranks import ranks

with ranks("cpu") as group:
    rows = ArrayRows(np.load(sys.argv[1]))
    jobs = [job_of(name, rows, spec, group.device) for name, spec in json.loads(sys.argv[3]).items()]
    train(jobs, rows, finished=lambda job, found: found.dictionary.save(Path(sys.argv[2]) / job.label))
    print("rank", "leads" if group.leads else "follows", flush=True)
"""


class Halves:
    """Rows in the order in which two processes see them: each batch is half of the one's and half of the other's."""

    def __init__(self, rows, size):
        self.rows, self.shape, self.size = rows, rows.shape, size

    def batches(self, batch_size, seed, epoch, start_batch=0, part=0, parts=1):
        order = np.random.default_rng([seed, epoch]).permutation(len(self.rows))
        halves = order.reshape(2, -1, self.size // 2).transpose(1, 0, 2).reshape(-1)
        # What runs begin with is the first rows of the epoch as it is read by one process.
        order = order if batch_size == len(order) else halves
        for begin in range(start_batch * batch_size, len(order), batch_size):
            yield self.rows[order[begin : begin + batch_size]]


def launched(tmp_path, *arguments):
    (tmp_path / "learn.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*command, tmp_path / "learn.py", *arguments], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert sorted(run.stdout.splitlines()) == ["rank follows", "rank leads"]


def test_two_processes_learn_what_one_learns(tmp_path):
    rows = plant(rows=1280, features=40, units=24, active=3).rows
    np.save(tmp_path / "rows.npy", rows)
    launched(tmp_path, tmp_path / "rows.npy", tmp_path, json.dumps(SPECS))
    alone = {}

    def learned(source, name):
        job = job_of(name, source, SPECS[name], "cpu")
        train([job], source, finished=lambda job, found: alone.update({name: found.dictionary}))

    learned(Halves(rows, 128), "sae")
    learned(ArrayRows(rows), "online")
    for name, dictionary in alone.items():
        found = load(tmp_path / name)
        for tensor, expected in zip(found.tensors().values(), dictionary.tensors().values(), strict=True):
            # Gradients are added in another order; what the first process learns by itself has the same bits.
            assert torch.allclose(tensor, expected, atol=1e-5 if name == "sae" else 0)
