"""A study of two language models with different tokenisers, compared word by word."""

import re

import numpy as np
import pandas as pd
import pytest

from thresh.alignment import linear_cka
from thresh.stimuli import open_stimuli
from thresh.store import open_activations, open_codes

WORDS = ["the", "cat", "dog", "sat", "ran", "on", "under", "a", "mat", "tree"]


def save_model(folder, tokenizer, seed):
    """A GPT-2 of one layer and 16 units; it reads 24 tokens."""
    import torch
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    torch.manual_seed(seed)
    size = tokenizer.get_vocab_size()
    config = GPT2Config(
        vocab_size=size, n_positions=24, n_embd=16, n_layer=1, n_head=2, bos_token_id=None, eos_token_id=None
    )
    GPT2Model(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?", pad_token="?").save_pretrained(folder)


@pytest.fixture
def study(fresh):
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    project = fresh
    by_word = Tokenizer(models.WordLevel({word: index for index, word in enumerate(["?", *WORDS])}, unk_token="?"))
    by_word.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    letters = sorted(set("".join(WORDS)))
    numbered = {letter: index for index, letter in enumerate(["?", *letters])}
    by_letter = Tokenizer(models.WordLevel(numbered, unk_token="?"))
    by_letter.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    save_model(project.folder / "inputs" / "by_word", by_word, 0)
    save_model(project.folder / "inputs" / "by_letter", by_letter, 1)
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, random.integers(3, 12))) for _ in range(40)]
    (project.folder / "inputs" / "texts.txt").write_text("\n".join(texts) + "\n")
    layers = {"block": {"module": "h.0", "pooling": "positions"}}
    system = {"kind": "transformers", "stimuli": "texts", "layers": layers}
    codes = {"dictionary": "random", "inference": "omp", "role": "control"}
    project.write_config(
        {
            "device": "cpu",
            "stimuli": {"texts": {"kind": "text", "file": "inputs/texts.txt", "split": {"test": 0.5}}},
            "systems": {name: {**system, "model": f"inputs/{name}"} for name in ("by_word", "by_letter")},
            "dictionaries": {"random": {"method": "random", "atoms": 16}},
            "inference": {"omp": {"solver": "omp", "params": {"k": 3}}},
            "alignment": {
                "words": {
                    "systems": ["by_word", "by_letter"],
                    "metrics": ["linear_cka"],
                    "representations": {"random": codes},
                    "pooling": "words",
                    "active": 1,
                    "statistics": {"permutations": 0, "resamples": 10, "subsets": 0},
                }
            },
        }
    )
    return project, texts


def means_of_words(store, values, stimuli, texts):
    """(stimulus, first character) -> mean of the rows that lie in a word which they hold whole, a loop over words."""
    rows, found = store.rows, {}
    for stimulus, text in enumerate(texts):
        if stimuli.split[stimulus] != "test":
            continue
        for match in re.finditer(r"\S+", text):
            own = (rows["stimulus"] == stimulus) & (rows["start"] < match.end()) & (rows["end"] > match.start())
            spans = zip(rows["start"][own], rows["end"][own], strict=True)
            covered = {place for span in spans for place in range(*span)}
            if covered >= set(range(*match.span())):
                found[stimulus, match.start()] = values[own.to_numpy()].mean(axis=0)
    return found


def test_words_of_two_tokenisers_meet(study):
    project, texts = study
    pair = "results/alignment/words/by_word/block/by_letter"
    project.run(f"{pair}/block.json")
    table = pd.read_parquet(project.folder / pair / "block" / "scores.parquet").set_index("representation")
    results = project.folder / "results"
    stimuli = open_stimuli(results / "stimuli" / "texts.zarr")
    sides = {"raw": [], "random": []}
    for name in ("by_word", "by_letter"):
        store = open_activations(results / "activations" / name / "block.zarr")
        codes = open_codes(results / "codes" / name / "block" / "random" / "omp.zarr").read().toarray()
        for representation, values in (("raw", store.read(0, store.shape[0])), ("random", codes)):
            sides[representation].append(means_of_words(store, values, stimuli, texts))
    for representation, (a, b) in sides.items():
        common = sorted(a.keys() & b.keys())
        # By letters, a text of more than 24 characters breaks off.
        assert len(common) == len(b) < len(a) == table.loc[representation, "rows"] + len(a) - len(b)
        expected = linear_cka(*(np.array([side[place] for place in common]) for side in (a, b)))
        assert table.loc[representation, "score"] == pytest.approx(expected, abs=1e-5)
        assert table.loc[representation, "stimuli"] == len({stimulus for stimulus, _ in common})
