"""SAELens' cached activations of one layer; run by `harvest.py --saelens` in an environment with sae-lens.

Prints seconds of `CacheActivationsRunner.run()`; loading the model is not counted.
"""

import shutil
import sys
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from sae_lens import CacheActivationsRunner, CacheActivationsRunnerConfig


def main(folder: Path) -> None:
    ids = np.load(folder / "ids.npy")
    tokens = Dataset.from_dict({"input_ids": ids.tolist()})
    tokens.save_to_disk(folder / "dataset")
    shutil.rmtree(folder / "cached", ignore_errors=True)
    config = CacheActivationsRunnerConfig(
        dataset_path=str(folder / "dataset"),
        model_name=str(folder / "gpt2"),
        model_class_name="AutoModelForCausalLM",
        model_batch_size=32,
        hook_name="transformer.h.2",
        d_in=384,
        training_tokens=ids.size,
        # It computes whole buffers, whatever the number of tokens: here four of them hold all.
        buffer_size_gb=ids.size * 384 * 4 / 4e9,
        context_size=ids.shape[1],
        new_cached_activations_path=str(folder / "cached"),
        shuffle=False,
        # float16 would make the model compute in it.
        dtype="float32",
        prepend_bos=False,
        streaming=False,
    )
    runner = CacheActivationsRunner(config, override_dataset=tokens)
    begun = time.perf_counter()
    runner.run()
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
