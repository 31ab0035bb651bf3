"""A study of a language model: layers by a glob, parts that share documents of different lengths, stale policies."""

import json

import numpy as np
import pytest
import zarr

LAYERS = ("block.0", "block.1")


@pytest.fixture
def study(fresh):
    """Token ids for a GPT-2 of two layers and 16 units."""
    import torch
    from transformers import GPT2Config, GPT2Model

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=20, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    GPT2Model(config).save_pretrained(fresh.folder / "inputs" / "gpt2")
    random = np.random.default_rng(0)
    documents = [random.integers(1, 20, random.integers(1, 40)).tolist() for _ in range(60)]
    lines = "".join(json.dumps({"input_ids": document}) + "\n" for document in documents)
    (fresh.folder / "inputs" / "documents.jsonl").write_text(lines)
    fresh.write_config(
        {
            "device": "cpu",
            "stimuli": {"documents": {"kind": "tokens", "file": "inputs/documents.jsonl"}},
            "systems": {
                "gpt2": {
                    "kind": "transformers",
                    "model": "inputs/gpt2",
                    "stimuli": "documents",
                    "batch_size": 8,
                    "layers": {"block": {"module": "h.*", "pooling": "positions"}},
                }
            },
            "harvest": {"parts": 2, "shard_rows": 256},
        }
    )
    return fresh, documents


def stores(project):
    return {layer: project.folder / "results" / "activations" / "gpt2" / f"{layer}.zarr" for layer in LAYERS}


def test_documents_are_shared_out_and_only_what_a_change_concerns_is_computed(study):
    project, documents = study
    computed = project.computed("activations")
    assert {f"harvest activations/gpt2/{layer}.zarr" for layer in LAYERS} <= computed
    rows = zarr.open_group(stores(project)["block.1"] / "rows", mode="r")
    stimulus, position, token = (rows[name][...] for name in ("stimulus", "position", "token"))
    for index, document in enumerate(documents):
        own = np.flatnonzero(stimulus == index)
        assert token[own[np.argsort(position[own])]].tolist() == document[:32]

    config = project.config()
    config["harvest"]["parts"] = 1
    config["stimuli"]["documents"]["split"] = {"test": 0.5}
    project.write_config(config)
    # Neither how many jobs share the work nor the split is part of what activations are.
    assert not [job for job in project.computed("activations") if job.startswith("harvest")]


def test_a_glob_that_matches_nothing_is_told_before_anything_runs(study):
    project, _ = study
    config = project.config()
    config["systems"]["gpt2"]["layers"] = ["blocks.*"]
    project.write_config(config)
    done = project.snakemake("activations")
    assert done.returncode
    assert "systems.gpt2.layers.blocks.*: 'blocks.*' matches no module of inputs/gpt2" in done.stdout + done.stderr
    assert not (project.folder / "results").exists()
