"""Speed of training a TopK autoencoder in another library; run by that library's own Python, without thresh.

    PYTHON training_peers.py LIBRARY --rows rows.npy --atoms 4096 --k 32 --batch 1024 --steps 200

Prints one line of JSON: versions, threads, seconds a step (mean and median after five steps of warm-up, the cutting of
batches included) and the variance explained on the first 4096 rows, so that one sees that it learns. Every library
trains in its own way: its initialisation, loss, Adam, clipping and norms of atoms. All see the same batches, which are
those of `thresh.dictionaries` with seed 0 except that an incomplete one is left out, and the same constant learning
rate 2e-4 / sqrt(atoms / 16384). Losses on dead atoms are what the library has by default: none in overcomplete, in the
others nothing to compute before an atom is dead, which takes at least a thousand steps.

An environment for each, made with Python 3.11 (`torch==2.13.0` stands for the build of one's machine):

    python -m venv overcomplete
    overcomplete/bin/pip install torch==2.13.0 numpy einops "matplotlib<3.9" opencv-python-headless scikit-image \
        "scikit-learn<2" scipy tqdm
    overcomplete/bin/pip install --no-deps overcomplete==0.3.0

    python -m venv sae_lens
    sae_lens/bin/pip install torch==2.13.0 numpy sae-lens==6.54.12

    python -m venv dictionary_learning
    dictionary_learning/bin/pip install torch==2.13.0 numpy dictionary-learning==0.1.0
    dictionary_learning/bin/pip uninstall --yes torchvision
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

WARM_UP = 5
SCORED = 4096
Reconstruct = Callable[[Tensor], Tensor]


@dataclass
class Task:
    """Rows to learn from, what to learn, and the times at which batches were asked for."""

    rows: np.ndarray
    atoms: int
    k: int
    batch: int
    steps: int
    times: list[float] = field(default_factory=list)

    @property
    def units(self) -> int:
        return self.rows.shape[1]

    @property
    def rate(self) -> float:
        return 2e-4 / (self.atoms / 16384) ** 0.5

    def batches(self) -> Iterator[Tensor]:
        """As many batches as there are steps, each full."""
        in_epoch = len(self.rows) // self.batch
        for step in range(self.steps):
            self.times.append(time.perf_counter())
            epoch, place = divmod(step, in_epoch)
            if place == 0:
                order = np.random.default_rng([0, epoch]).permutation(len(self.rows))
            yield torch.from_numpy(self.rows[order[place * self.batch : (place + 1) * self.batch]])


def train_overcomplete(task: Task) -> Reconstruct:
    """`train_sae` as in its README, silent; loss: mean squared error."""
    # Imported with the package, used by its vision models only; a torchvision for CPU builds is hard to get.
    sys.modules.setdefault("torchvision", SimpleNamespace(transforms=None))
    from overcomplete.sae import TopKSAE, train_sae

    model = TopKSAE(task.units, nb_concepts=task.atoms, top_k=task.k)
    optimizer = torch.optim.Adam(model.parameters(), lr=task.rate)
    train_sae(model, task.batches(), squared_error, optimizer, nb_epochs=1, monitoring=0)
    model.eval()
    return lambda x: model(x)[2]


def squared_error(x: Tensor, reconstruction: Tensor, pre: Tensor, codes: Tensor, dictionary: Tensor) -> Tensor:
    return (x - reconstruction).square().mean()


def train_sae_lens(task: Task, rescale: bool = True) -> Reconstruct:
    """`SAETrainer.fit`, without its logging; by default it rescales codes by norms of atoms, which takes time."""
    from sae_lens import SAETrainer, TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.config import SAETrainerConfig

    model = TopKTrainingSAE(
        TopKTrainingSAEConfig(d_in=task.units, d_sae=task.atoms, k=task.k, rescale_acts_by_decoder_norm=rescale)
    )
    config = SAETrainerConfig(
        total_training_samples=task.steps * task.batch,
        train_batch_size_samples=task.batch,
        lr=task.rate,
        lr_end=task.rate,
    )
    SAETrainer(config, model, task.batches()).fit()
    return model.eval()


def train_dictionary_learning(task: Task) -> Reconstruct:
    """`TopKTrainer.update` as `trainSAE` calls it, which does not return what it trained."""
    from dictionary_learning.trainers.top_k import TopKTrainer

    trainer = TopKTrainer(
        steps=task.steps,
        activation_dim=task.units,
        dict_size=task.atoms,
        k=task.k,
        lr=task.rate,
        warmup_steps=0,
        layer=0,
        lm_name="none",
        device="cpu",
    )
    for step, x in enumerate(task.batches()):
        trainer.update(step, x)
    return trainer.ae


LIBRARIES = {
    "overcomplete": train_overcomplete,
    "sae_lens": train_sae_lens,
    "sae_lens_unscaled": partial(train_sae_lens, rescale=False),
    "dictionary_learning": train_dictionary_learning,
}


def explained_variance(x: Tensor, reconstruct: Reconstruct) -> float:
    with torch.no_grad():
        return 1 - float((x - reconstruct(x)).square().sum() / (x - x.mean(0)).square().sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("--rows", type=Path, required=True, help="float32 array (rows, units) of numpy.save")
    parser.add_argument("--atoms", type=int, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=200, help="steps in all, the five of warm-up included")
    arguments = vars(parser.parse_args())
    library = arguments.pop("library")
    arguments["rows"] = np.load(arguments["rows"])
    task = Task(**arguments)
    if task.steps <= WARM_UP or len(task.rows) < task.batch:
        parser.error(f"expected more than {WARM_UP} steps, and rows for one batch at least")
    torch.manual_seed(0)
    reconstruct = LIBRARIES[library](task)
    seconds = np.diff([*task.times, time.perf_counter()])[WARM_UP:]
    result = {
        "library": library,
        "version": version(library.removesuffix("_unscaled")),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seconds_per_step": seconds.mean(),
        "median_seconds_per_step": np.median(seconds),
        "explained_variance": explained_variance(torch.from_numpy(task.rows[:SCORED]), reconstruct),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
