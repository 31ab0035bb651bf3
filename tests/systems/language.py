"""Small language models, tokenizers and documents for the tests of systems."""

import numpy as np
import pytest
import torch

from thresh.stimuli import Stimuli

WORDS = ["the", "cat", "dog", "sat", "ran", "on", "under", "a", "mat", "tree", "and", "then", "slept", "."]


@pytest.fixture(scope="session")
def documents():
    """Forty documents of 1 to 30 words."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, random.integers(1, 31))) for _ in range(40)]


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory):
    """A GPT-2 of three layers, 16 units and 32 positions, whose tokenizer puts BOS in front and EOS behind."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=20, n_positions=32, n_embd=16, n_layer=3, n_head=2, bos_token_id=17, eos_token_id=18, pad_token_id=16
    )
    folder = tmp_path_factory.mktemp("gpt2")
    GPT2LMHeadModel(config).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return str(folder)


def word_tokenizer():
    """One token a word; ids 0 to 13 are words, then 16 PAD, 17 BOS, 18 EOS, 19 unknown."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(WORDS)} | {"PAD": 16, "BOS": 17, "EOS": 18, "UNK": 19}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="UNK"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="BOS $A EOS", special_tokens=[("BOS", 17), ("EOS", 18)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="BOS", eos_token="EOS", pad_token="PAD", unk_token="UNK"
    )


def text_stimuli(texts: list[str]) -> Stimuli:
    return shown("text", {"text": texts}, len(texts))


def token_stimuli(ids: list[np.ndarray]) -> Stimuli:
    return shown("tokens", {"tokens": ids}, len(ids))


def shown(kind: str, contents: dict, count: int) -> Stimuli:
    return Stimuli(
        "documents",
        kind,
        ids=[f"document{index:02d}" for index in range(count)],
        hashes=[f"{index:016x}" for index in range(count)],
        split=["train", "test"] * (count // 2) + ["train"] * (count % 2),
        contents=contents,
    )
