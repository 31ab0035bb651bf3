"""Text as rows: which tokens are fed, which have rows, and what each row knows of itself."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from thresh.errors import HarvestError
from thresh.store import open_activations
from thresh.systems import open_system
from thresh.systems.feeds.token_source import TOKEN
from thresh.systems.harvest import harvest_layers

from .language import WORDS, text_stimuli, token_stimuli, word_tokenizer
from .test_harvest import harvested

BLOCKS = {f"block{index}": {"module": f"h.{index}", "pooling": "positions"} for index in range(3)}
BOS, EOS = 17, 18


def gpt2(stimuli, folder, layers=BLOCKS, **params):
    return open_system(
        "transformers", "gpt2", stimuli, layers=layers, device="cpu", model=folder, **{"batch_size": 8, **params}
    )


def ids_of(text, special=True):
    ids = [WORDS.index(word) for word in text.split()]
    return [BOS, *ids, EOS] if special else ids


def tokens_of_documents(store, count):
    """Token ids of each document, from the rows of a store, in order of their positions."""
    rows = store.rows.sort_values(["stimulus", "position"])
    return [rows["token"][rows["stimulus"] == index].tolist() for index in range(count)]


def whole(text):
    """With its special tokens, cut to the model's 32 positions; the tokenizer keeps EOS at the end."""
    ids = ids_of(text)
    return ids if len(ids) <= 32 else [*ids[:31], EOS]


@pytest.mark.parametrize(
    ("policy", "known"),
    [
        ({"special_tokens": "keep"}, whole),
        ({"special_tokens": "drop"}, lambda text: ids_of(text, special=False)[:30]),
        ({"special_tokens": "omit", "length": 9}, lambda text: ids_of(text, special=False)[:9]),
        ({"special_tokens": "keep", "packing": True, "length": 7}, ids_of),
        ({"special_tokens": "drop", "packing": True}, lambda text: ids_of(text, special=False)),
    ],
)
def test_the_tokenisation_is_rebuilt_from_the_store(gpt2_folder, documents, tmp_path, policy, known):
    documents = [*documents, " ".join(WORDS * 3)]
    system = gpt2(text_stimuli(documents), gpt2_folder, {"block1": BLOCKS["block1"]}, text=policy)
    system.check()
    store = open_activations(harvested(system, tmp_path)["block1"])
    assert tokens_of_documents(store, len(documents)) == [known(text) for text in documents]


def test_rows_know_the_characters_that_their_tokens_stand_for(gpt2_folder, documents):
    documents = [text for text in documents if len(text.split()) <= 26]
    system = gpt2(text_stimuli(documents), gpt2_folder, text={"template": "a dog . {text} ."})
    rows = system.row_columns("block0", 0, system.item_count)
    for stimulus, token, start, end in zip(*(rows[key] for key in ("stimulus", "token", "start", "end")), strict=True):
        if start >= 0:
            assert documents[stimulus][start:end] == WORDS[token]
    outside = rows["start"] < 0
    # Three words and a full stop of the template around each document have no place in it.
    np.testing.assert_array_equal(np.bincount(rows["stimulus"][outside]), 4)


def test_a_token_that_begins_in_the_white_space_before_the_document_has_the_rest_of_it(gpt2_folder):
    """As those of byte-level tokenisers do where a template ends in a space."""
    system = gpt2(text_stimuli(["the cat"]), gpt2_folder, text={"template": "a dog : {text} \n"})
    tokeniser = system.feed.tokeniser
    characters = np.array([[1, 5], [5, 7], [7, 11], [11, 15], [15, 17], [14, 16]])
    tokens = np.zeros(len(characters), TOKEN)
    tokeniser.place(tokens, characters, len("a dog : the cat \n"))
    # ' dog', ' :', ' the', ' cat', ' \n', and 't ' of another tokeniser.
    assert tokens["start"].tolist() == [-1, -1, 0, 3, -1, 6]
    assert tokens["end"].tolist() == [-1, -1, 3, 7, -1, 7]


@pytest.mark.parametrize("text", [{}, {"packing": True, "length": 11}, {"special_tokens": "keep"}])
def test_rows_are_what_the_model_puts_out_for_their_tokens(gpt2_folder, documents, text):
    """Each batch by hand: transformers' own hidden states at the same shape, bit for bit."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(gpt2_folder).eval()
    system = gpt2(text_stimuli(documents), gpt2_folder, text=text)
    found = system.responses(0, system.item_count, ["block0", "block1"])
    tokens = system.row_columns("block0", 0, system.item_count)["token"]
    row = 0
    for start, stop in pairwise(system.batch_edges()):
        batch = system.feed.batch(start, stop - start)
        with torch.no_grad():
            states = model(**batch.inputs, output_hidden_states=True).hidden_states
        for index in range(2):
            known = states[index + 1][batch.kept]
            np.testing.assert_array_equal(found[f"block{index}"][row : row + len(known)], known.numpy())
        shown = batch.inputs["input_ids"][batch.kept]
        np.testing.assert_array_equal(tokens[row : row + len(known)], shown.numpy())
        row += len(known)
    assert row == len(tokens) == len(found["block0"])


def test_poolings_of_text_are_what_they_say(gpt2_folder, documents):
    layers = {pooling: {"module": "h.1", "pooling": pooling} for pooling in ("positions", "mean", "cls", "last")}
    system = gpt2(text_stimuli(documents), gpt2_folder, layers, text={"special_tokens": "keep"})
    found = system.responses(0, 40, list(layers))
    edges = system.edges("positions")
    for item in range(40):
        rows = found["positions"][edges[item] : edges[item + 1]]
        np.testing.assert_allclose(found["mean"][item], rows.mean(axis=0), atol=1e-5)
        np.testing.assert_array_equal(found["cls"][item], rows[0])
        np.testing.assert_array_equal(found["last"][item], rows[-1])
    pooled, every = (system.row_columns(layer, 0, 40) for layer in ("mean", "positions"))
    assert pooled["stimulus"].tolist() == every["stimulus"][edges[:-1]].tolist()
    assert set(pooled["position"]) == {-1}


def test_dropped_tokens_are_in_no_pooling(gpt2_folder):
    """The mean over words alone, and the last word, not EOS."""
    layers = {pooling: {"module": "h.1", "pooling": pooling} for pooling in ("mean", "last")}
    stimuli = text_stimuli(["the cat sat", "a dog"])
    kept = gpt2(stimuli, gpt2_folder, {"all": BLOCKS["block1"]}, text={"special_tokens": "keep"}, batch_size=2)
    rows = kept.responses(0, 2, ["all"])["all"]
    found = gpt2(stimuli, gpt2_folder, layers, batch_size=2).responses(0, 2, list(layers))
    np.testing.assert_allclose(found["mean"], [rows[1:4].mean(axis=0), rows[6:8].mean(axis=0)], atol=1e-5)
    np.testing.assert_array_equal(found["last"], rows[[3, 7]])


def test_cuts_and_jobs_change_no_bit(gpt2_folder, documents, tmp_path):
    """Documents differ in length, so that shards end within batches and batches within shards."""
    system = gpt2(text_stimuli(documents), gpt2_folder, batch_size=8)
    whole = system.responses(0, 40, ["block2"])["block2"]
    edges = system.edges("block2")
    for start, stop in ((0, 8), (5, 21), (39, 40), (7, 7)):
        part = gpt2(text_stimuli(documents), gpt2_folder).responses(start, stop, ["block2"])["block2"]
        np.testing.assert_array_equal(part, whole[edges[start] : edges[stop]])
    one = harvested(system, tmp_path / "one")
    shards = -(-len(whole) // 64)
    jobs = [{layer: list(range(first, shards, 4)) for layer in BLOCKS} for first in range(4)]
    several = harvested(gpt2(text_stimuli(documents), gpt2_folder), tmp_path / "several", jobs=jobs)
    for layer, path in one.items():
        for file in path.rglob("*"):
            if file.is_file():
                assert file.read_bytes() == (several[layer] / file.relative_to(path)).read_bytes()


@pytest.mark.parametrize("text", [{}, {"packing": True, "length": 7}])
def test_a_job_that_goes_on_makes_tokens_of_its_own_documents_alone(gpt2_folder, documents, tmp_path, text):
    layers = {"block1": BLOCKS["block1"]}
    path = harvested(gpt2(text_stimuli(documents), gpt2_folder, layers, text=text), tmp_path)["block1"]
    rows = open_activations(path).rows
    shard = path / "values" / "c" / "1" / "0"
    known = shard.read_bytes()
    shard.unlink()
    system = gpt2(text_stimuli(documents), gpt2_folder, layers, text=text)
    asked, tokenise = [], system.feed.tokenised
    system.feed.tokenised = lambda wanted: asked.extend(wanted) or tokenise(wanted)
    harvest_layers(system, {"block1": (path, [1])}, lambda layer, index, digest: None)
    assert shard.read_bytes() == known
    # Batches that the shard begins and ends in are computed whole.
    within = set(rows["stimulus"][64:128])
    assert within <= set(asked)
    assert len(asked) == len(set(asked)) <= len(within) + 2 * system.batch_size < len(documents)


def test_documents_of_similar_length_come_together():
    """Less than 5 % of what is fed is padding, for lengths as they are in a corpus."""
    from thresh.systems.feeds.text import TextFeed
    from thresh.systems.feeds.tokenising import GivenTokens

    lengths = np.clip(np.random.default_rng(0).lognormal(4, 0.8, 2000).astype(int), 4, 512)
    stimuli = token_stimuli([np.zeros(length, np.int64) for length in lengths])
    tokens = GivenTokens("padded", 20, None)
    feed = TextFeed("padded", stimuli, tokens, length=512, packing=False, special_tokens="drop")
    edges = feed.batch_edges(32)
    assert np.diff(edges).max() == 32
    masks = [feed.batch(start, stop - start).inputs["attention_mask"] for start, stop in pairwise(edges)]
    fed = sum(mask.numel() for mask in masks)
    assert len(masks) < 2 * 2000 / 32
    assert 1 - sum(int(mask.sum()) for mask in masks) / fed < 0.05


def test_token_ids_are_fed_as_they_are_and_bos_in_front_where_it_is_asked_for(gpt2_folder):
    given = [np.array([3, 1, 2]), np.array([5, 0])]
    for prepend, front in ((False, []), (True, [BOS])):
        text = {"prepend_bos": prepend, "special_tokens": "keep"}
        system = gpt2(token_stimuli(given), gpt2_folder, text=text, batch_size=2)
        batch = system.feed.batch(0, 2)
        ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"].bool()
        assert [row[kept].tolist() for row, kept in zip(ids, mask, strict=True)] == [
            front + one.tolist() for one in given
        ]


def test_an_image_model_is_not_fed_text_and_text_that_cannot_be_read_is_told(gpt2_folder, vit_folder, documents):
    with pytest.raises(HarvestError, match="ViTModel takes images, but the stimuli 'documents' are of kind 'text'"):
        gpt2(text_stimuli(documents), vit_folder, {"a": {"module": "layers.0"}}).check()
    with pytest.raises(HarvestError, match=r"found no token in 'document01' .* beside special tokens, expected some"):
        gpt2(text_stimuli(["the cat", ""]), gpt2_folder).check()
    with pytest.raises(HarvestError, match=r"found the token id 20 in 'document00' .* expected 0 to 19"):
        gpt2(token_stimuli([np.array([3, 20])]), gpt2_folder).check()
    with pytest.raises(HarvestError, match=r"block0\.pooling: found 'flatten', expected one of positions, mean"):
        gpt2(text_stimuli(documents), gpt2_folder, {"block0": {"module": "h.0", "pooling": "flatten"}}).layer_shape(
            "block0"
        )
    with pytest.raises(HarvestError, match=r"pooling: found 'mean', expected positions: a packed window holds parts"):
        gpt2(text_stimuli(documents), gpt2_folder, {"a": {"module": "h.0"}}, text={"packing": True}).check()
    with pytest.raises(HarvestError, match=r"text\.template: found 'no place', expected \{text\} once"):
        gpt2(text_stimuli(documents), gpt2_folder, text={"template": "no place"}).check()
    with pytest.raises(HarvestError, match=r"image_size: found 32, expected none: .* 'documents' show no images"):
        gpt2(text_stimuli(documents), gpt2_folder, image_size=32).check()


def test_the_recipe_sees_tokenizer_policy_and_not_earlier_calls(gpt2_folder, documents, tmp_path):
    def recipe(called=False, **text):
        system = gpt2(text_stimuli(documents), gpt2_folder, text=text)
        if called:
            system.feed.batch(0, 8)
        return system.recipe("block0")["feed"]

    assert recipe() == recipe(called=True)
    for change in ({"length": 8}, {"packing": True}, {"special_tokens": "keep"}, {"template": "a {text}"}):
        assert recipe(**change) != recipe()
    tokenizer = word_tokenizer()
    tokenizer.add_tokens(["bird"])
    tokenizer.save_pretrained(tmp_path)
    other = open_system(
        "torch",
        "net",
        text_stimuli(documents),
        layers={"a": {"module": "0", "pooling": "positions"}},
        factory="torch.nn:Sequential",
        tokenizer=str(tmp_path),
        untrained=True,
    )
    assert other.feed.recipe()["tokeniser"]["digest"] != recipe()["tokeniser"]["digest"]


def test_any_torch_module_reads_text(documents, tmp_path):
    word_tokenizer().save_pretrained(tmp_path)
    system = open_system(
        "torch",
        "net",
        text_stimuli(documents),
        layers={"a": {"module": "table", "pooling": "positions"}},
        factory="factories:reading",
        search_path=str(__file__).rpartition("/")[0],
        tokenizer=str(tmp_path),
        untrained=True,
        device="cpu",
    )
    system.check()
    found = system.responses(0, 40, ["a"])["a"]
    tokens = system.row_columns("a", 0, 40)["token"]
    np.testing.assert_array_equal(found, system.model.table.weight.detach().numpy()[tokens])
