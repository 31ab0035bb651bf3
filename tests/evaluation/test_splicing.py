"""Splicing into tiny transformers models, against models that were changed by hand and their own losses."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.modeling_outputs import BaseModelOutput

from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.errors import HarvestError
from thresh.evaluation.splicing import (
    Site,
    by_dictionary,
    image_splicing,
    language_splicing,
    modules_matching,
    spliced,
)
from thresh.systems.feeds.base import Batch
from thresh.systems.positions import Tokens

CLASS_TOKEN = Tokens(prefix=1, grid=(4, 4))


def as_it_is(rows):
    return rows.clone()


@pytest.fixture(scope="module")
def gpt2():
    """Has learned what comes next in `sentences`: a model that knows nothing can become better by what is spliced."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=20, n_positions=16, n_embd=16, n_layer=3, n_head=2, bos_token_id=17, eos_token_id=18, pad_token_id=16
    )
    model = GPT2LMHeadModel(config).eval()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    ids = sequences(torch.arange(16), 16)
    for _ in range(60):
        optimiser.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
    return model.requires_grad_(False)


def sequences(start, length):
    """Each token says the next one."""
    ids = [start]
    while len(ids) < length:
        ids.append((5 * ids[-1] + 3) % 16)
    return torch.stack(ids, dim=1)


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    config.num_labels = 5
    return ViTForImageClassification(config).eval()


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 12, 16], depths=[1, 2, 1], layer_type="basic")
    config.num_labels = 5
    return ResNetForImageClassification(config).eval()


def sentences(padded=True):
    """Two batches; some entries are padded, the first token is special and has no row."""
    found = []
    for seed, lengths in ((0, [9, 7, 4]), (1, [6, 6])):
        length = max(lengths)
        ids = sequences(torch.arange(len(lengths)) * 3 + seed, length)
        mask = torch.arange(length)[None] < torch.tensor(lengths if padded else [length] * len(lengths))[:, None]
        kept = mask.clone()
        kept[:, 0] = False
        inputs = {"input_ids": ids.where(mask, torch.tensor(16)), "attention_mask": mask.long()}
        found.append(Batch(inputs, len(lengths), kept))
    return found


def pictures(filled=4):
    pixels = torch.randn(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    return [Batch({"pixel_values": pixels[0]}, 4), Batch({"pixel_values": pixels[1]}, filled)]


# --- hooks ---


def test_the_same_rows_give_the_same_bits(gpt2, vit, resnet):
    found = language_splicing(gpt2, Site("transformer.h.1"), as_it_is, sentences)
    assert found["ce_spliced"] == found["ce_original"]
    assert found["recovered_zero"] == found["recovered_mean"] == 1
    for model, path, tokens in (
        (vit, "vit.layers.1", CLASS_TOKEN),
        (resnet, "resnet.encoder.stages.1", Tokens()),
    ):
        found = image_splicing(model, Site(path), as_it_is, pictures, tokens=tokens)
        assert found["ce_spliced"] == found["ce_original"]
        assert found["recovered_zero"] == found["recovered_mean"] == found["accuracy_spliced"] == 1


def test_logits_are_equal_bit_for_bit_under_the_hook(gpt2):
    inputs = sentences()[0].inputs
    with torch.no_grad():
        known = gpt2(**inputs).logits
        with spliced(gpt2, Site("transformer.h.1"), as_it_is):
            assert torch.equal(gpt2(**inputs).logits, known)
        with spliced(gpt2, Site("transformer.h.1"), lambda output: output * 2):
            assert not torch.allclose(gpt2(**inputs).logits, known)
        assert torch.equal(gpt2(**inputs).logits, known)


class Repeating(nn.Module):
    """One block that is called three times, and one that returns a tuple, a list or a ModelOutput."""

    def __init__(self, made):
        super().__init__()
        self.block = nn.Linear(4, 4)
        self.several = Several(made)

    def forward(self, x):
        for _ in range(3):
            x = self.block(x)
        return self.several(x)


class Several(nn.Module):
    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, x):
        return self.made(x)


def test_only_the_call_that_is_asked_for_is_replaced():
    torch.manual_seed(0)
    model, x = Repeating(lambda x: x), torch.randn(2, 4)
    with torch.no_grad():
        first = model.block(x)
        known = model.block(model.block(first) * 0 + 5)
        with spliced(model, Site("block", call=1), lambda output: output * 0 + 5):
            assert torch.equal(model(x), known)
        told = "'block' is called 3 times in a forward pass, expected call 3"
        with pytest.raises(HarvestError, match=told), spliced(model, Site("block", call=3), as_it_is):
            model(x)
    assert not model.block._forward_hooks


@pytest.mark.parametrize("kind", [tuple, list])
def test_only_the_element_that_is_asked_for_is_replaced(kind):
    model = Repeating(lambda x: kind([x, x + 1, None]))
    x = torch.randn(2, 4)
    with torch.no_grad():
        first = model(x)[0]
        with spliced(model, Site("several", output=1), torch.zeros_like):
            found = model(x)
    assert type(found) is kind
    assert torch.equal(found[0], first)
    assert torch.equal(found[1], torch.zeros(2, 4))
    assert found[2] is None
    told = "expected the index of a tensor"
    with pytest.raises(HarvestError, match=told), spliced(model, Site("several", output=2), torch.zeros_like):
        model(x)


def test_elements_of_model_outputs_count_as_in_a_harvest():
    model = Repeating(lambda x: BaseModelOutput(last_hidden_state=x, attentions=(x,)))
    x = torch.randn(2, 4)
    with torch.no_grad(), spliced(model, Site("several"), torch.zeros_like):
        found = model(x)
    assert isinstance(found, BaseModelOutput)
    assert torch.equal(found.last_hidden_state, torch.zeros(2, 4))
    assert torch.equal(found[0], torch.zeros(2, 4))
    assert not torch.equal(found.attentions[0], torch.zeros(2, 4))


def test_only_rows_that_a_harvest_stores_are_changed(gpt2, vit, resnet):
    seen = []

    def outputs_of(model, path, measure):
        seen.clear()
        # A hook that is there first sees what the module made, one that comes after it what it was made into.
        module = model.get_submodule(path)
        before = module.register_forward_hook(lambda *call: seen.append(call[2].clone()))
        following = next_module(model, path).register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
        measure()
        before.remove()
        following.remove()
        return seen[-6], seen[-5]  # of the last batch, with the change; zeros and mean come after it

    def double(rows):
        return rows * 2

    made, into = outputs_of(
        gpt2, "transformer.h.1", lambda: language_splicing(gpt2, Site("transformer.h.1"), double, sentences)
    )
    kept = sentences()[-1].kept
    assert torch.equal(into[kept], made[kept] * 2)
    assert torch.equal(into[~kept], made[~kept])

    made, into = outputs_of(
        vit,
        "vit.layers.1",
        lambda: image_splicing(vit, Site("vit.layers.1"), double, lambda: pictures(filled=3), tokens=CLASS_TOKEN),
    )
    assert torch.equal(into[:3, 1:], made[:3, 1:] * 2)
    assert torch.equal(into[:, 0], made[:, 0])
    assert torch.equal(into[3], made[3])

    made, into = outputs_of(
        resnet,
        "resnet.encoder.stages.1",
        lambda: image_splicing(resnet, Site("resnet.encoder.stages.1"), double, pictures),
    )
    assert torch.equal(into, made * 2)


def next_module(model, path):
    parent, _, index = path.rpartition(".")
    return model.get_submodule(f"{parent}.{int(index) + 1}")


# --- language ---


def test_the_original_loss_is_the_models_own(gpt2):
    batches = sentences(padded=False)
    losses, counts = [], []
    with torch.no_grad():
        for batch in batches:
            ids = batch.inputs["input_ids"]
            losses.append(float(gpt2(input_ids=ids, labels=ids).loss))
            counts.append(ids[:, 1:].numel())
    found = language_splicing(gpt2, Site("transformer.h.1"), as_it_is, lambda: batches)
    assert found["predictions"] == sum(counts)
    assert found["ce_original"] == pytest.approx(np.average(losses, weights=counts), rel=1e-6)


def test_padding_is_neither_predicted_nor_does_it_predict(gpt2):
    losses = []
    with torch.no_grad():
        for batch in sentences():
            for ids, mask in zip(batch.inputs["input_ids"], batch.inputs["attention_mask"], strict=True):
                alone = ids[mask.bool()]
                losses.extend(cross_entropy(gpt2(alone[None]).logits[0, :-1], alone[1:], reduction="none").tolist())
    found = language_splicing(gpt2, Site("transformer.h.1"), as_it_is, sentences)
    assert found["predictions"] == len(losses) == 8 + 6 + 3 + 5 + 5
    assert found["ce_original"] == pytest.approx(np.mean(losses), rel=1e-5)


class Constant(nn.Module):
    """In the place of a block: puts out one row at the kept tokens, and what the block does elsewhere."""

    def __init__(self, block, row, kept):
        super().__init__()
        self.block, self.row, self.kept = block, row, kept

    def forward(self, x, *args, **kwargs):
        return torch.where(self.kept[..., None], self.row, self.block(x, *args, **kwargs))


def test_ablation_is_the_model_whose_block_was_replaced_by_hand(gpt2):
    batches = sentences()
    with torch.no_grad():
        rows = [gpt2.transformer(**batch.inputs, output_hidden_states=True).hidden_states[2] for batch in batches]
        mean = torch.cat([each[batch.kept] for each, batch in zip(rows, batches, strict=True)]).mean(dim=0)
        losses = {"zero": [], "mean": []}
        for name, row in (("zero", torch.zeros(16)), ("mean", mean)):
            for batch in batches:
                model = copy.deepcopy(gpt2)
                model.transformer.h[1] = Constant(model.transformer.h[1], row, batch.kept)
                labels = batch.inputs["input_ids"].masked_fill(batch.inputs["attention_mask"] == 0, -100)
                count = int((labels[:, 1:] != -100).sum())
                losses[name].append(float(model(**batch.inputs, labels=labels).loss) * count)
    found = language_splicing(gpt2, Site("transformer.h.1"), lambda rows: rows * 0.9, sentences)
    for name, known in losses.items():
        assert found[f"ce_{name}"] == pytest.approx(sum(known) / found["predictions"], rel=1e-5)
        lost = found[f"ce_{name}"] - found["ce_original"]
        recovered = (found[f"ce_{name}"] - found["ce_spliced"]) / lost
        assert found[f"recovered_{name}"] == pytest.approx(recovered)


def test_a_change_that_ablates_recovers_nothing(gpt2):
    site = Site("transformer.h.1")
    assert language_splicing(gpt2, site, torch.zeros_like, sentences)["recovered_zero"] == 0
    # The mean comes through float64.
    rows = []
    language_splicing(gpt2, site, lambda each: rows.append(each.clone()) or each, sentences)
    mean = torch.cat(rows).double().mean(dim=0).float()
    found = language_splicing(gpt2, site, lambda each: mean.expand_as(each), sentences)
    assert found["recovered_mean"] == pytest.approx(0, abs=1e-5)


def test_better_reconstructions_recover_more(gpt2):
    rows = []
    language_splicing(gpt2, Site("transformer.h.1"), lambda each: rows.append(each.clone()) or each, sentences)
    centre = torch.cat(rows).mean(dim=0)
    directions = torch.linalg.svd(torch.cat(rows) - centre, full_matrices=False)[2]

    def dictionary(parts):
        """Both ends of each of the first principal components."""
        both = torch.cat([directions[:parts], -directions[:parts]])
        return TopKDictionary(both, both.T, torch.zeros(2 * parts), k=2 * parts, bias=centre)

    found = [
        language_splicing(gpt2, Site("transformer.h.1"), by_dictionary(dictionary(parts)), sentences)
        for parts in (2, 8, 16)
    ]
    assert found[0]["ce_original"] < 0.3 < found[0]["ce_mean"]
    recovered = [each["recovered_mean"] for each in found]
    assert recovered[0] < recovered[1] < recovered[2]
    assert recovered[2] == pytest.approx(1, abs=1e-4)


def test_codes_of_another_solver_are_spliced_as_well():
    random = np.random.default_rng(0)
    dictionary = LassoDictionary(random.normal(size=(20, 8)), penalty=0.1, bias=random.normal(size=8))
    rows = torch.from_numpy(random.normal(size=(50, 8)).astype(np.float32))
    by_encoder = by_dictionary(dictionary, batch_rows=16)(rows)
    torch.testing.assert_close(by_encoder, dictionary.decode(dictionary.encode(rows)))
    by_fista = by_dictionary(dictionary, "fista", batch_rows=16, penalty=0.1)(rows)
    torch.testing.assert_close(by_fista, by_encoder, atol=1e-4, rtol=1e-4)
    by_omp = by_dictionary(dictionary, "omp", k=8)(rows)
    torch.testing.assert_close(by_omp, rows, atol=1e-3, rtol=1e-3)
    fitted = by_dictionary(dictionary, "lista", batch_rows=16, penalty=0.1, layers=3, epochs=2)
    torch.testing.assert_close(fitted(rows)[:5], fitted(rows[:5]))


# --- images ---


def test_accuracy_and_loss_of_images_are_those_by_hand(vit):
    labels = np.array([0, 1, 2, 3, 4, 0, 1])
    with torch.no_grad():
        logits = torch.cat([vit(**batch.inputs).logits[: batch.filled] for batch in pictures(filled=3)])
    found = image_splicing(vit, Site("vit.layers.1"), as_it_is, lambda: pictures(filled=3), labels, tokens=CLASS_TOKEN)
    assert found["predictions"] == 7
    assert found["accuracy_original"] == pytest.approx(np.mean(logits.argmax(dim=1).numpy() == labels))
    assert found["ce_original"] == pytest.approx(float(cross_entropy(logits, torch.from_numpy(labels))), rel=1e-5)


def test_without_labels_the_unspliced_model_is_right(resnet):
    site = Site("resnet.encoder.stages.2")
    found = image_splicing(resnet, site, torch.zeros_like, pictures)
    assert found["accuracy_original"] == 1
    with torch.no_grad():
        own = torch.cat([resnet(**batch.inputs).logits for batch in pictures()]).argmax(dim=1)
        # Zeros after the last stage leave the classifier its bias.
        said = resnet.classifier[1].bias.argmax()
    assert found["accuracy_zero"] == found["accuracy_spliced"] == pytest.approx(float((own == said).float().mean()))
    assert found["accuracy_recovered_zero"] == 0 or np.isnan(found["accuracy_recovered_zero"])


# --- refusals ---


def test_modules_are_found_by_path_and_glob(gpt2):
    assert modules_matching(gpt2, "transformer.h.*") == [f"transformer.h.{index}" for index in range(3)]
    assert modules_matching(gpt2, "transformer.h.1.mlp") == ["transformer.h.1.mlp"]
    assert modules_matching(gpt2, "transformer.h.[02].a*") == ["transformer.h.0.attn", "transformer.h.2.attn"]
    with pytest.raises(HarvestError, match=r"'h.1' is no module of GPT2LMHeadModel; nearest: transformer.h.1"):
        language_splicing(gpt2, Site("h.1"), as_it_is, sentences)


def test_the_attention_of_a_block_is_spliced_by_element(gpt2):
    found = language_splicing(gpt2, Site("transformer.h.1.attn", output=0), as_it_is, sentences)
    assert found["recovered_mean"] == 1


def test_what_cannot_be_measured_is_refused(gpt2, vit):
    headless = GPT2Model(gpt2.config).eval()
    with pytest.raises(HarvestError, match="without logits"):
        language_splicing(headless, Site("h.1"), as_it_is, sentences)
    with pytest.raises(HarvestError, match="fewer labels than images"):
        image_splicing(vit, Site("vit.layers.1"), as_it_is, pictures, [0, 1, 2], tokens=CLASS_TOKEN)
    with pytest.raises(HarvestError, match="nothing to predict"):
        language_splicing(gpt2, Site("transformer.h.1"), as_it_is, lambda: iter(()))
    training = copy.deepcopy(gpt2).train()
    with pytest.raises(HarvestError, match="training mode"):
        language_splicing(training, Site("transformer.h.1"), as_it_is, sentences)
