"""Every family of language models: layers are transformers' own hidden states, bit for bit at the same shape."""

import functools
import operator
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
import torch

from .language import WORDS, text_stimuli, token_stimuli, word_tokenizer
from .test_families import check_planned, opened, own_states, positions_of, random_model, saved

COUNT = 5
SMALL = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 128,
    "bos_token_id": 17,
    "eos_token_id": 18,
    "pad_token_id": 16,
}
GROUPED = {**SMALL, "num_key_value_heads": 1, "head_dim": 8}


class Language(NamedTuple):
    """A family of language models.

    Attributes
    ----------
    model
        Class of the model; its config class is found by it.
    settings
        Of the config.
    block
        Path of the modules whose outputs are the hidden states after the first one, `{}` for their number.
    norm
        Path of the final norm, which the last hidden state is behind; None where it is not.
    part
        Gives the part of the model that is called.
    tokenizer
        Makes the tokenizer that is saved beside the model.
    """

    model: str
    settings: dict
    block: str
    norm: str | None = None
    part: Callable = lambda model: model
    tokenizer: Callable = word_tokenizer

    @property
    def blocks(self) -> list[str]:
        return [self.block.format(index) for index in range(3)]


def letters_tokenizer(kind: str) -> Callable:
    """The byte-level tokenizer of a family; transformers loads no other kind for its models."""

    def made():
        import transformers
        from tokenizers.pre_tokenizers import ByteLevel

        letters = sorted({piece for word in WORDS for piece in word} | {"Ġ"})
        assert set(letters) <= set(ByteLevel.alphabet())
        vocabulary = {letter: index for index, letter in enumerate([*letters, "<|endoftext|>"])}
        return getattr(transformers, kind)(vocab=vocabulary, merges=[])

    return made


LANGUAGE = {
    "gpt2": Language(
        "GPT2Model",
        {"vocab_size": 24, "n_positions": 128, "n_embd": 16, "n_layer": 3, "n_head": 2}
        | {"bos_token_id": 17, "eos_token_id": 18},
        "h.{}",
        "ln_f",
    ),
    "gpt-neox": Language("GPTNeoXModel", SMALL, "layers.{}", "final_layer_norm"),
    "llama": Language("LlamaModel", SMALL, "layers.{}", "norm"),
    "qwen2": Language(
        "Qwen2Model",
        {**SMALL, "num_key_value_heads": 1},
        "layers.{}",
        "norm",
        tokenizer=letters_tokenizer("Qwen2Tokenizer"),
    ),
    "qwen3": Language("Qwen3Model", GROUPED, "layers.{}", "norm"),
    # Windows shorter than the documents, in every second layer or in all but the last.
    "gemma2": Language("Gemma2Model", {**GROUPED, "sliding_window": 4}, "layers.{}", "norm"),
    "gemma3": Language(
        "Gemma3TextModel",
        {**GROUPED, "sliding_window": 4, "layer_types": ["sliding_attention", "sliding_attention", "full_attention"]},
        "layers.{}",
        "norm",
    ),
    "t5 encoder": Language(
        "T5Model",
        {"vocab_size": 24, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 3, "num_heads": 2}
        | {"pad_token_id": 16, "eos_token_id": 18, "decoder_start_token_id": 16},
        "encoder.block.{}",
        "encoder.final_layer_norm",
        operator.attrgetter("encoder"),
    ),
    "bert": Language("BertModel", SMALL, "encoder.layer.{}"),
}


@pytest.fixture(scope="module")
def five():
    """Five documents of 2 to 26 words; the longest two come in one batch, one of them padded."""
    random = np.random.default_rng(3)
    return text_stimuli([" ".join(random.choice(WORDS, length)) for length in (7, 2, 26, 11, 25)])


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    @functools.cache
    def folder(family: str) -> str:
        model, settings, *_, tokenizer = LANGUAGE[family]
        return saved(tmp_path_factory.mktemp("language"), random_model(model, settings), tokenizer())

    return folder


def check_rows(system, family: str, folder: str, dtype=torch.float32) -> None:
    """Rows of every batch of a system are transformers' own hidden states at its kept tokens."""
    known = LANGUAGE[family]
    found = system.responses(0, system.item_count, known.blocks)
    row = 0
    for start, stop in pairwise(system.batch_edges().tolist()):
        batch = system.prepared(start, stop)
        model, own = own_states(folder, batch.inputs, known.part, dtype)
        rows = slice(row, row + int(batch.kept.sum()))
        row = rows.stop
        states = dict(zip(known.blocks, own.hidden_states[1:], strict=True))
        if known.norm is not None:
            values = torch.from_numpy(found[known.blocks[-1]][rows]).to(dtype)
            with torch.no_grad():
                normed = model.get_submodule(known.norm)(values)
            torch.testing.assert_close(normed, states.pop(known.blocks[-1])[batch.kept], rtol=0, atol=0)
        for block, values in states.items():
            np.testing.assert_array_equal(found[block][rows], values[batch.kept].float().numpy())
    assert row == len(found[known.blocks[0]])


@pytest.mark.parametrize("family", LANGUAGE)
@pytest.mark.parametrize("special_tokens", ["keep", "drop"])
def test_layers_are_hidden_states_bit_for_bit(family, special_tokens, folder_of, five):
    known = LANGUAGE[family]
    text = {"special_tokens": special_tokens}
    system = opened(five, folder_of(family), positions_of(known.blocks), batch_size=COUNT, text=text)
    system.check()
    check_planned(system)
    check_rows(system, family, folder_of(family))


@pytest.mark.parametrize("family", ["gpt2", "gemma3", "bert"])
def test_packed_windows_are_hidden_states_bit_for_bit(family, folder_of, five):
    """Windows of 11 tokens, parts of several documents in one; the last one is padded."""
    known = LANGUAGE[family]
    text = {"packing": True, "length": 11}
    system = opened(five, folder_of(family), positions_of(known.blocks), batch_size=4, text=text)
    check_planned(system)
    check_rows(system, family, folder_of(family))


@pytest.mark.parametrize("family", ["llama", "t5 encoder"])
def test_bfloat16_is_transformers_own_bfloat16(family, folder_of, five):
    known = LANGUAGE[family]
    system = opened(five, folder_of(family), positions_of(known.blocks), batch_size=COUNT, dtype="bfloat16")
    check_rows(system, family, folder_of(family), torch.bfloat16)


@pytest.mark.parametrize("family", LANGUAGE)
def test_padding_changes_no_document(family, folder_of, five):
    """A document beside longer ones has the states that transformers gives it alone, without padding or mask."""
    known = LANGUAGE[family]
    layers = {
        f"{pooling} {block}": {"module": block, "pooling": pooling}
        for block in known.blocks[:2]
        for pooling in ("mean", "cls", "last", "positions")
    }
    system = opened(five, folder_of(family), layers, batch_size=COUNT, text={"special_tokens": "omit"})
    found = system.responses(0, COUNT, list(layers))
    order = system.item_columns(0, COUNT)["stimulus"]
    edges = system.edges(f"positions {known.block.format(0)}")
    for item, stimulus in enumerate(order):
        tokens = known.tokenizer()(five.texts([stimulus])[0], add_special_tokens=False)["input_ids"]
        _, own = own_states(folder_of(family), {"input_ids": torch.tensor([tokens])}, known.part)
        for block, states in zip(known.blocks[:2], own.hidden_states[1:3], strict=True):
            wanted = states[0].numpy()
            rows = slice(edges[item], edges[item + 1])
            for pooling, values in {
                "positions": wanted,
                "mean": wanted.mean(axis=0),
                "cls": wanted[0],
                "last": wanted[-1],
            }.items():
                own_rows = found[f"{pooling} {block}"]
                got = own_rows[rows] if pooling == "positions" else own_rows[item]
                np.testing.assert_allclose(got, values, rtol=1e-4, atol=2e-5, err_msg=f"{block} {pooling}")


@pytest.mark.parametrize(
    ("text", "front", "behind", "kept"),
    [
        ({"special_tokens": "keep"}, [17], [18], "all"),
        ({"special_tokens": "drop"}, [17], [18], "words"),
        ({"special_tokens": "omit"}, [], [], "words"),
        # The tokenizer puts BOS in front itself; there is no second one.
        ({"special_tokens": "keep", "prepend_bos": True}, [17], [18], "all"),
    ],
)
def test_what_is_fed_and_what_has_rows_is_as_the_config_says(text, front, behind, kept, folder_of, five):
    system = opened(five, folder_of("llama"), positions_of(["layers.1"]), batch_size=COUNT, text=text)
    words = [[WORDS.index(word) for word in document.split()] for document in five.texts(range(COUNT))]
    order = sorted(range(COUNT), key=lambda one: -len(words[one]))
    batches = [system.prepared(*edges).inputs for edges in pairwise(system.batch_edges().tolist())]
    shown = [pair for inputs in batches for pair in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)]
    fed = [front + words[one] + behind for one in order]
    assert [ids[mask.bool()].tolist() for ids, mask in shown] == fed
    rows = fed if kept == "all" else [words[one] for one in order]
    columns = system.row_columns("layers.1", 0, COUNT)
    assert columns["token"].tolist() == [token for document in rows for token in document]
    assert columns["stimulus"].tolist() == [one for one, ids in zip(order, rows, strict=True) for _ in ids]
    first = 0 if kept == "all" else len(front)
    assert columns["position"].tolist() == [first + place for ids in rows for place in range(len(ids))]
    assert system.responses(0, COUNT, ["layers.1"])["layers.1"].shape == (len(columns["token"]), 16)


def test_bos_before_given_token_ids(folder_of):
    """The model's own BOS comes in front, has no row, and changes the rows behind it."""
    ids = [np.array([3, 4, 5, 6]), np.array([7, 8])]
    blocks = ["layers.1"]
    with_bos, without = (
        opened(token_stimuli(ids), folder_of("llama"), positions_of(blocks), text={"prepend_bos": bos})
        for bos in (True, False)
    )
    assert with_bos.row_columns("layers.1", 0, 2)["token"].tolist() == [3, 4, 5, 6, 7, 8]
    found, other = (system.responses(0, 2, blocks)["layers.1"] for system in (with_bos, without))
    known = []
    for document in ids:
        inputs = {"input_ids": torch.tensor([[17, *document]]), "attention_mask": torch.ones(1, 1 + len(document))}
        known.append(own_states(folder_of("llama"), inputs)[1].hidden_states[2][0, 1:].numpy())
    np.testing.assert_array_equal(found, np.concatenate(known))
    assert np.abs(found - other).max() > 0.01
