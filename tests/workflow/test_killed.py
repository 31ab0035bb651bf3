"""kill -9 in the middle of a harvest: the next run writes only what is missing, and the bytes are those of one run."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

PARAMS = {
    "system": {
        "kind": "torch",
        "factory": "factory:slow",
        "search_path": "inputs",
        "weights": None,
        "image_size": 8,
        "mean": [0.5],
        "std": [0.25],
        "batch_size": 16,
        "untrained": True,
        "seed": 0,
    },
    "store": {"dtype": "float32", "shard_rows": 64},
    "products": {"first": {"module": "1", "pooling": "positions"}},
}

SLOW = '''

class Slow(torch.nn.Conv2d):
    """Leaves time to be killed in the middle."""

    def forward(self, x):
        import os, time

        time.sleep(float(os.environ.get("SLOW", 0)))
        return super().forward(x)


def slow():
    return torch.nn.Sequential(Slow(1, 6, 3), torch.nn.Tanh())
'''


def harvest(project, results, **environment):
    command = [sys.executable, "scripts/harvest.py", "--system", "net", "--device", "cpu", "--code", "code"]
    command += ["--stimuli", "results/stimuli/digits.json#content", "--params", json.dumps(PARAMS)]
    command += ["--store", f"first={results}/first.zarr", "--manifest", f"{results}/parts/0.json"]
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src")} | environment
    return subprocess.Popen(command, cwd=project.folder, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def stimuli(project):
    with (project.folder / "inputs" / "factory.py").open("a") as file:
        file.write(SLOW)
    return project


def test_a_killed_harvest_goes_on_and_ends_in_the_same_bytes(stimuli):
    folder = stimuli.folder
    whole = harvest(stimuli, "whole")
    assert whole.communicate()[0].startswith("COMPUTE harvest")

    killed = harvest(stimuli, "killed", SLOW="0.05")
    notes = folder / "killed" / "first.zarr" / ".thresh" / "shards"
    for _ in range(600):
        if notes.exists() and len(list(notes.glob("*.json"))) >= 20:
            break
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    written = {note.name: note.stat().st_mtime_ns for note in notes.glob("*.json")}
    assert 20 <= len(written) < len(list((folder / "whole" / "first.zarr" / ".thresh" / "shards").glob("*.json")))
    assert not (folder / "killed" / "parts" / "0.json").exists()

    resumed = harvest(stimuli, "killed")
    assert resumed.communicate()[0].startswith("RESUME harvest")
    assert {name: (notes / name).stat().st_mtime_ns for name in written} == written
    manifests = [(folder / name / "parts" / "0.json").read_bytes() for name in ("whole", "killed")]
    assert manifests[0] == manifests[1]
    for path in (folder / "whole" / "first.zarr" / "values").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (folder / "killed" / path.relative_to(folder / "whole")).read_bytes()
