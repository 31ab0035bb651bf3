"""The trainer: many dictionaries in one pass, each as if alone; killed and gone on with, as if never killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from thresh.dictionaries import ArrayRows, learn
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import Rhythm, train
from thresh.dictionaries.training.checkpoint import NAME, read_checkpoint, write_checkpoint
from thresh.errors import DictionaryError

from .by_hand import AUTOENCODERS
from .planted import plant

# Alike but for seed and learning rate; then of other shapes, batches, epochs, inputs and methods.
SPECS = {
    "one": {"method": "topk", "atoms": 40, "seed": 0, "k": 4, "epochs": 4, "dead_after": 300},
    "two": {"method": "topk", "atoms": 40, "seed": 1, "k": 4, "epochs": 4, "dead_after": 300, "learning_rate": 0.01},
    "wide": {"method": "topk", "atoms": 64, "seed": 1, "k": 3, "epochs": 2, "batch_size": 300, "normalise": "whiten"},
    "online": {"method": "online", "atoms": 40, "seed": 1, "epochs": 3, "batch_size": 170},
    "warm": {"method": "online", "atoms": 40, "seed": 1, "epochs": 3, "batch_size": 170, "warm_start": True},
    "cold": {"method": "online", "atoms": 40, "seed": 1, "epochs": 3, "batch_size": 170, "warm_start": False},
    "looks": {
        "method": "online",
        "atoms": 60,
        "seed": 1,
        "epochs": 30,
        "steps": 5,
        "penalty": 0.02,
        "warm_start": True,
    },
    "control": {"method": "random", "atoms": 30, "seed": 1},
}


@pytest.fixture(scope="module")
def rows():
    return ArrayRows(plant(rows=1500, features=40, units=24, active=3).rows)


def learned(rows, specs, folder=None, rhythm=None, watch=None):
    found = {}
    places = {name: {} if folder is None else {"folder": folder / name} for name in specs}
    jobs = [job_of(name, rows, spec, "cpu", **places[name]) for name, spec in specs.items()]
    train(jobs, rows, rhythm=rhythm, watch=watch, finished=lambda job, each: found.update({job.label: each}))
    return found


@pytest.fixture(scope="module")
def together(rows):
    return learned(rows, SPECS)


def same(a, b):
    tensors = zip(a.dictionary.tensors().values(), b.dictionary.tensors().values(), strict=True)
    return a.curve == b.curve and all(torch.equal(*pair) for pair in tensors)


@pytest.mark.parametrize("name", SPECS)
def test_what_is_learned_together_is_what_is_learned_alone_bit_by_bit(rows, together, name):
    assert same(learned(rows, {name: SPECS[name]})[name], together[name])


def test_rows_are_read_once_an_epoch_whatever_is_learned(rows):
    class Counted:
        shape, epochs = rows.shape, []

        def batches(self, batch_size, seed, epoch, *rest):
            self.epochs.append(epoch)
            return rows.batches(batch_size, seed, epoch, *rest)

    counted = Counted()
    learned(counted, {name: spec for name, spec in SPECS.items() if spec.get("normalise") != "whiten"})
    # Once for the moments, a first look for what runs begin with, and then the epochs of the longest.
    assert sorted(counted.epochs) == [0, 0, *range(30)]


class Killed(Exception):
    pass


@pytest.mark.parametrize("points", [2, 9, 14])
def test_a_killed_run_goes_on_to_the_same_bits(rows, together, tmp_path, points):
    def watch(job, curve):
        if job.label == "two" and len(curve) == points:
            raise Killed

    with pytest.raises(Killed):
        learned(rows, SPECS, tmp_path, Rhythm(steps=4, minutes=None), watch)
    kept = [name for name in SPECS if (tmp_path / name / NAME).exists()]
    assert ("one" in kept) == (points > 6)
    again = learned(rows, SPECS | {"late": SPECS["one"] | {"seed": 7}}, tmp_path, Rhythm(steps=4, minutes=None))
    assert all(same(again[name], together[name]) for name in SPECS)
    assert same(again["late"], learned(rows, {"late": SPECS["one"] | {"seed": 7}})["late"])
    assert not list(tmp_path.glob(f"*/{NAME}*"))


def test_a_checkpoint_of_other_parameters_or_half_of_one_is_not_gone_on_with(rows, together, tmp_path):
    spec = {"one": SPECS["one"]}
    stream = {"rows": 1500, "units": 24, "order": 0, "processes": 1}
    others = [
        {"spec": {"method": "topk"}, "stream": stream},
        {"spec": SPECS["one"], "stream": stream | {"order": 1}},
        {"spec": SPECS["one"], "stream": stream | {"rows": 1499}},
    ]
    for written in (*others, None):
        if written is None:
            (tmp_path / "one" / NAME).write_bytes(b"PK\x03\x04half")
        else:
            write_checkpoint(tmp_path / "one", written)
        assert read_checkpoint(tmp_path / "one", SPECS["one"], stream) is None
        assert same(learned(rows, spec, tmp_path)["one"], together["one"])


def test_checkpoints_are_due_by_steps_or_by_minutes(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("thresh.dictionaries.training.checkpoint.time.monotonic", lambda: clock[0])
    by_steps, by_minutes = Rhythm(steps=10, minutes=None), Rhythm(minutes=2)
    assert [by_steps.due(4) for _ in range(6)] == [False, False, True, False, False, True]
    found = []
    for clock[0] in (60, 119, 120, 200, 241):
        found.append(by_minutes.due(1000))
    assert found == [False, False, True, False, True]


def test_a_lost_dictionary_is_named_and_the_others_are_learned(rows, together):
    specs = {"one": SPECS["one"], "bad": SPECS["one"] | {"learning_rate": 1e38}, "online": SPECS["online"]}
    found = {}
    jobs = [job_of(name, rows, spec, "cpu") for name, spec in specs.items()]
    with pytest.raises(DictionaryError, match=r"^bad: the loss is not finite at step"):
        train(jobs, rows, finished=lambda job, each: found.update({job.label: each}))
    assert set(found) == {"one", "online"}
    assert all(same(found[name], together[name]) for name in found)


@pytest.mark.parametrize("method", AUTOENCODERS)
@pytest.mark.parametrize("rate", [1e38, 1e4])
def test_no_autoencoder_that_diverges_takes_others_with_it(rows, together, method, rate):
    blocks = {"blocks": [10, 14]} if method == "universal" else {}
    bad = {"method": method, "atoms": 40, "learning_rate": rate, "epochs": 3, **blocks}
    found = {}
    jobs = [job_of(name, rows, spec, "cpu") for name, spec in {"bad": bad, "one": SPECS["one"]}.items()]
    with contextlib.suppress(DictionaryError):  # Some stay finite, however bad.
        train(jobs, rows, finished=lambda job, each: found.update({job.label: each}))
    assert same(found["one"], together["one"])


def test_a_method_that_refuses_the_rows_is_named_and_the_others_are_learned(rows, together):
    specs = {"parts": {"method": "nmf", "atoms": 8}, "one": SPECS["one"]}
    found = {}
    jobs = [job_of(name, rows, spec, "cpu") for name, spec in specs.items()]
    with pytest.raises(DictionaryError, match=r"^parts: activations: unit 8 has the value .* semi_nmf takes them"):
        train(jobs, rows, finished=lambda job, each: found.update({job.label: each}))
    assert set(found) == {"one"}
    assert same(found["one"], together["one"])


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1500, 4000])
def test_batches_are_cut_as_if_there_were_no_blocks(rows, monkeypatch, size):
    """Batches of any size, across blocks of any size, are those of the order of rows."""
    seen, numbers = [], []
    monkeypatch.setattr("thresh.dictionaries.training.trainer.BLOCK_ROWS", 700)
    monkeypatch.setattr(
        "thresh.dictionaries.methods.online.OnlineRun.step",
        lambda self, x, done: seen.append(x.clone()) or numbers.append(self.numbers) or self_step(x),
    )

    def self_step(x):
        from thresh.dictionaries.learner import Step

        return Step.of(x.sum(), x, torch.ones(len(x), 40))

    learn(rows, "online", atoms=40, epochs=2, batch_size=size, warm_start=True, device="cpu")
    expected = [torch.from_numpy(batch) for epoch in (0, 1) for batch in rows.batches(size, 0, epoch)]
    assert len(seen) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))
    assert all(np.array_equal(rows.x[named.numpy()], batch) for named, batch in zip(numbers, seen, strict=True))


KILLED = """
import sys
from pathlib import Path

import numpy as np

from thresh.dictionaries import ArrayRows
from thresh.dictionaries.learn import job_of
from thresh.dictionaries.training import Rhythm, train

rows = ArrayRows(np.load(sys.argv[1]))
spec = {"method": "topk", "atoms": 40, "seed": 0, "k": 4, "epochs": 40}
folder = Path(sys.argv[2])
job = job_of("one", rows, spec, "cpu", folder=folder)
train([job], rows, rhythm=Rhythm(5, None), finished=lambda job, found: found.dictionary.save(folder))
"""


def test_kill_9_and_again_gives_the_same_weights(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows.x)
    (tmp_path / "learn.py").write_text(KILLED)

    def start(folder):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, tmp_path / "learn.py", tmp_path / "rows.npy", folder], env=environment)

    assert start(tmp_path / "whole").wait() == 0
    killed = start(tmp_path / "killed")
    while not (tmp_path / "killed" / NAME).exists():
        assert killed.poll() is None
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert (tmp_path / "killed" / NAME).exists()
    assert start(tmp_path / "killed").wait() == 0
    weights = [(tmp_path / name / "sae_weights.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]
