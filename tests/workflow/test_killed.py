"""Several jobs, or one that was killed and begun again, leave the bytes of one job, and write nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

SYSTEM = {"kind": "torch", "search_path": "inputs", "weights": None, "batch_size": 16, "untrained": True, "seed": 0}
IMAGES = {"factory": "factory:slow", "image_size": 8, "mean": [0.5], "std": [0.25]}
DOCUMENTS = {"factory": "factory:slow_reader", "text": {"length": 32, "packing": False}}

SLOW = '''

class Slow(torch.nn.Module):
    """Leaves time to be killed in the middle."""

    def forward(self, x):
        import os, time

        time.sleep(float(os.environ.get("SLOW", 0)))
        return x.float()


def slow():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3), torch.nn.Tanh(), Slow())


def slow_reader():
    return torch.nn.Sequential(torch.nn.Embedding(20, 6), torch.nn.Tanh(), Slow())
'''


def begun(project, script, *arguments, params, **environment):
    command = [sys.executable, f"scripts/{script}.py", *arguments, "--params", json.dumps(params)]
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src")} | environment
    return subprocess.Popen(command, cwd=project.folder, env=environment, stdout=subprocess.PIPE, text=True)


def harvest(project, results, stimuli, system, part=0, parts=1, **environment):
    params = {
        "system": SYSTEM | system,
        "store": {"dtype": "float32", "shard_rows": 64},
        "products": {"first": {"module": "2", "pooling": "positions"}},
    }
    arguments = ["--system", "net", "--device", "cpu", "--code", "code", "--stimuli", f"{stimuli}#content"]
    arguments += ["--store", f"first={results}/first.zarr", "--manifest", f"{results}/parts/{part}.json"]
    arguments += ["--part", str(part), "--parts", str(parts)]
    return begun(project, "harvest", *arguments, params=params, **environment)


@pytest.fixture
def slow(project):
    with (project.folder / "inputs" / "factory.py").open("a") as file:
        file.write(SLOW)
    return project


def documents(project):
    """Stimuli of token ids, of different lengths."""
    random = np.random.default_rng(0)
    lines = [json.dumps({"input_ids": random.integers(1, 20, random.integers(1, 40)).tolist()}) for _ in range(400)]
    (project.folder / "documents.jsonl").write_text("\n".join(lines))
    params = {"kind": "tokens", "file": "documents.jsonl", "split": {"by": "hash", "test": 0.25}, "attributes": None}
    begun(project, "prepare_stimuli", "--manifest", "killed_documents.json", params=params).communicate()
    return "killed_documents.json"


@pytest.mark.parametrize("kind", ["images", "documents"])
def test_a_killed_harvest_goes_on_and_ends_in_the_same_bytes(slow, kind):
    folder = slow.folder
    stimuli, system = ("results/stimuli/digits.json", IMAGES) if kind == "images" else (documents(slow), DOCUMENTS)
    one, other = f"whole_{kind}", f"killed_{kind}"
    whole = harvest(slow, one, stimuli, system)
    assert whole.communicate()[0].startswith("COMPUTE harvest")

    killed = harvest(slow, other, stimuli, system, SLOW="0.05")
    notes = folder / other / "first.zarr" / ".thresh" / "shards"
    for _ in range(600):
        if notes.exists() and len(list(notes.glob("*.json"))) >= 20:
            break
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    written = {note.name: note.stat().st_mtime_ns for note in notes.glob("*.json")}
    assert 20 <= len(written) < len(list((folder / one / "first.zarr" / ".thresh" / "shards").glob("*.json")))
    assert not (folder / other / "parts" / "0.json").exists()

    resumed = harvest(slow, other, stimuli, system)
    assert resumed.communicate()[0].startswith("RESUME harvest")
    assert {name: (notes / name).stat().st_mtime_ns for name in written} == written
    manifests = [(folder / name / "parts" / "0.json").read_bytes() for name in (one, other)]
    assert manifests[0] == manifests[1]
    for path in (folder / one / "first.zarr" / "values").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (folder / other / path.relative_to(folder / one)).read_bytes()


@pytest.mark.parametrize("packing", [False, True])
def test_jobs_that_run_at_once_leave_the_store_of_one(slow, packing):
    """Processes of their own: one lays the store out, the others wait for it and go on with what it says."""
    stimuli, system = documents(slow), DOCUMENTS | {"text": {"length": 32, "packing": packing}}
    one, several = f"one_{packing}", f"several_{packing}"
    assert harvest(slow, one, stimuli, system).wait() == 0
    assert [job.wait() for job in [harvest(slow, several, stimuli, system, part, 3) for part in range(3)]] == [0, 0, 0]
    stores = [slow.folder / name / "first.zarr" for name in (one, several)]
    files = [{path.relative_to(store) for path in store.rglob("*") if path.is_file()} for store in stores]
    assert files[0] == files[1]
    assert len(files[0]) > 100
    for path in files[0]:
        assert (stores[0] / path).read_bytes() == (stores[1] / path).read_bytes()
