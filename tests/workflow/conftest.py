"""A study small enough to run real Snakemake on it many times, in a copy of the project that tests may edit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

ROOT = Path(__file__).parents[2]

FACTORY = """
import torch


def network():
    layers = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3), torch.nn.Tanh(), torch.nn.Conv2d(6, 8, 3), torch.nn.Tanh())
    return layers
"""

STUDY = {
    "device": "cpu",
    "stimuli": {"digits": {"kind": "digits"}},
    "systems": {
        "net": {
            "kind": "torch",
            "factory": "factory:network",
            "search_path": "inputs",
            "weights": "inputs/weights.pt",
            "image_size": 8,
            "mean": [0.5],
            "std": [0.25],
            "stimuli": "digits",
            "layers": {"first": {"module": "1"}},
        },
        "pixels": {"kind": "pixels", "stimuli": "digits", "constant_units": "keep"},
    },
    "dictionaries": {
        "online": {"method": "online", "atoms": 8, "systems": ["net"], "params": {"penalty": 0.1, "epochs": 1}},
        "random": {"method": "random", "atoms": "2x", "systems": ["net"]},
    },
    "inference": {"omp": {"solver": "omp", "params": {"k": 2}}},
    "alignment": {
        "both": {
            "systems": ["net", "pixels"],
            "metrics": ["linear_cka"],
            # Not in the order of the alphabet: names and stores must find each other all the same.
            "representations": {
                "learned": {"dictionary": "online", "inference": "omp"},
                "control": {"dictionary": "random", "inference": "omp", "role": "control"},
            },
        }
    },
}


class Project:
    """A copy of the workflow and the library, and a study in it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def config(self) -> dict:
        return yaml.safe_load((self.folder / "study.yaml").read_text())

    def write_config(self, config: dict, **options) -> None:
        (self.folder / "study.yaml").write_text(yaml.safe_dump(config, **options))

    def write_weights(self, seed: int) -> None:
        torch.manual_seed(seed)
        network = {}
        exec(FACTORY, network)
        torch.save(network["network"]().state_dict(), self.folder / "inputs" / "weights.pt")

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        shutil.rmtree(self.folder / "results" / "logs", ignore_errors=True)
        command = [sys.executable, "-m", "snakemake", "--configfile", "study.yaml", "--cores", "2", *arguments]
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        # Its own src comes before the installed one: tests edit the library.
        environment = {
            "PATH": path,
            "PYTHONPATH": str(self.folder / "src"),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def run(self, *arguments: str) -> dict[str, str]:
        """Run the workflow; returns stage and store of each job -> HIT, RESUME or COMPUTE."""
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        verdicts = {}
        for log in (self.folder / "results" / "logs").rglob("*.log"):
            for line in log.read_text().splitlines():
                verdict, _, rest = line.partition(" ")
                if verdict in ("HIT", "RESUME", "COMPUTE"):
                    stage, store = rest.split()[:2]
                    verdicts[f"{stage} {Path(store).relative_to('results')}"] = verdict
        return verdicts

    def computed(self, *arguments: str) -> set[str]:
        """What a run of the workflow computes or resumes."""
        return {job for job, verdict in self.run(*arguments).items() if verdict != "HIT"}

    def edit(self, module: str, old: str, new: str) -> None:
        path = self.folder / "src" / "thresh" / module
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


def copy_project(folder: Path) -> Project:
    for name in ("src", "scripts", "workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "Snakefile", folder / "Snakefile")
    project = Project(folder)
    (folder / "inputs").mkdir()
    (folder / "inputs" / "factory.py").write_text(FACTORY)
    project.write_weights(0)
    project.write_config(STUDY)
    return project


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> tuple[Project, dict[str, str]]:
    """A study that has run once, and what that run computed. Not to be changed."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    return project, project.run()


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A finished study of its own for each test."""
    shutil.copytree(finished[0].folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture
def fresh(tmp_path) -> Project:
    """A study that has not run."""
    return copy_project(tmp_path / "project")
