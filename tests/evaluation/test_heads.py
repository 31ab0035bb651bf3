"""Harvested models with their heads: the rows that are spliced are the rows that were harvested."""

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertLMHeadModel,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    MPNetConfig,
    MPNetModel,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from thresh.dictionaries.kinds.lasso import LassoDictionary
from thresh.errors import HarvestError, StimuliError
from thresh.evaluation.heads import chosen_batches, system_splicing
from thresh.evaluation.splice_system import splice_system
from thresh.stimuli import Stimuli
from thresh.stimuli.pictures import PixelArray
from thresh.systems import open_system
from thresh.systems.transformers_heads import check_head, check_labels


def stimuli_of(kind, count, contents, attributes=None):
    return Stimuli(
        "stimuli",
        kind,
        ids=[f"s{index:02d}" for index in range(count)],
        hashes=[f"{index:016x}" for index in range(count)],
        split=["train", "test"] * (count // 2),
        contents=contents,
        attributes=attributes,
    )


@pytest.fixture(scope="module")
def documents():
    random = np.random.default_rng(0)
    ids = [random.integers(0, 16, random.integers(3, 12)) for _ in range(20)]
    return stimuli_of("tokens", 20, {"tokens": ids})


@pytest.fixture(scope="module")
def pictures():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    return stimuli_of("images", 12, {"image": PixelArray(pixels)})


def saved(model, folder):
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.2)
    model.save_pretrained(folder)
    return str(folder)


GPT2 = {"vocab_size": 20, "n_positions": 16, "n_embd": 16, "n_layer": 3, "n_head": 2}
SPECIAL = {"bos_token_id": 17, "eos_token_id": 18, "pad_token_id": 16}


@pytest.fixture(scope="module")
def gpt2_folder(tmp_path_factory):
    return saved(GPT2LMHeadModel(GPT2Config(**GPT2, **SPECIAL)), tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="module")
def vit_folder(tmp_path_factory):
    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
    )
    config.num_labels = 5
    folder = tmp_path_factory.mktemp("vit")
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return saved(ViTForImageClassification(config), folder)


def system_of(stimuli, folder, module, pooling="positions", **params):
    layers = {"layer": {"module": module, "pooling": pooling}}
    return open_system("transformers", "model", stimuli, layers=layers, device="cpu", model=folder, **params)


def spliced_rows(system, **options):
    """What a splice is given, of one forward pass a batch."""
    rows = []
    found = system_splicing(system, "layer", lambda each: rows.append(each.clone()) or each.clone(), **options)
    return torch.cat(rows).numpy(), found


@pytest.mark.parametrize("special_tokens", ["drop", "keep"])
def test_spliced_rows_of_a_language_model_are_the_harvested_ones(documents, gpt2_folder, special_tokens):
    text = {"prepend_bos": True, "special_tokens": special_tokens}
    system = system_of(documents, gpt2_folder, "h.1", text=text, batch_size=4)
    rows, found = spliced_rows(system)
    np.testing.assert_array_equal(rows, system.responses(0, system.item_count, ["layer"])["layer"])
    assert found["recovered_zero"] == found["recovered_mean"] == 1
    # BOS is seen and never predicted.
    assert found["predictions"] == sum(len(ids) for ids in documents.token_ids(range(20)))


def test_spliced_rows_of_a_classifier_are_the_harvested_ones(pictures, vit_folder):
    system = system_of(pictures, vit_folder, "layers.1", batch_size=5)
    rows, found = spliced_rows(system)
    known = system.responses(0, 12, ["layer"])["layer"]
    assert len(rows) == 12 * 16
    # The last batch is filled up in a harvest, and its shape has a part in the last digits.
    np.testing.assert_allclose(rows, known, atol=1e-5)
    assert found["accuracy_original"] == 1
    assert found["recovered_mean"] == 1


def test_only_chosen_stimuli_are_measured(documents, gpt2_folder, pictures, vit_folder):
    chosen = documents.split == "test"
    system = system_of(documents, gpt2_folder, "h.1", batch_size=4)
    rows, found = spliced_rows(system, chosen=chosen)
    lengths = np.array([len(ids) for ids in documents.token_ids(range(20))])
    assert len(rows) == lengths[chosen].sum()
    assert found["predictions"] == (lengths[chosen] - 1).sum()
    labels = np.arange(12) % 5
    system = system_of(pictures, vit_folder, "layers.1", batch_size=5)
    some = system_splicing(system, "layer", torch.clone, labels=labels, chosen=pictures.split == "test")
    model = ViTForImageClassification.from_pretrained(vit_folder).eval()
    with torch.no_grad():
        said = model(system.feed.batch(0, 12).inputs["pixel_values"]).logits.argmax(dim=1).numpy()
    assert some["predictions"] == 6
    assert some["accuracy_original"] == pytest.approx(np.mean(said[1::2] == labels[1::2]))


def test_batches_are_cut_to_what_the_scores_of_tokens_leave_room_for(documents, gpt2_folder, monkeypatch):
    system = system_of(documents, gpt2_folder, "h.1", batch_size=8)
    whole = spliced_rows(system)[1]
    monkeypatch.setattr("thresh.evaluation.heads.SCORES", 15 * GPT2["vocab_size"])
    cut = list(chosen_batches(system, None, GPT2["vocab_size"]))
    assert len(cut) > len(list(chosen_batches(system, None)))
    assert all(batch.filled == 1 or batch.filled * batch.inputs["input_ids"].shape[1] <= 15 for batch in cut)
    sizes = [batch.filled for batch in cut]
    assert sum(sizes) == system.item_count
    assert spliced_rows(system)[1] == pytest.approx(whole)


def test_a_splice_of_everything_loses_nothing_on_test_stimuli_alone(pictures, vit_folder):
    labels = np.arange(12) % 5
    stimuli = stimuli_of("images", 12, {"image": pictures.content("image")}, {"label": labels})
    system = system_of(stimuli, vit_folder, "layers.1", batch_size=5)
    rows = spliced_rows(system)[0]
    directions = torch.linalg.svd(torch.from_numpy(rows - rows.mean(axis=0)), full_matrices=False)[2]
    everything = LassoDictionary(torch.cat([directions, -directions]), penalty=1e-6, bias=rows.mean(axis=0))
    found = splice_system(system, "layer", everything, solver="omp", params={"k": 16}, labels="label", at_most=4)
    assert (found["stimuli"], found["predictions"]) == (4, 4)
    assert found["recovered_mean"] == pytest.approx(1, abs=1e-3)
    assert found["accuracy_spliced"] == found["accuracy_original"]
    with pytest.raises(StimuliError, match="found no attribute 'lable', expected one of label"):
        splice_system(system, "layer", everything, solver="omp", params={"k": 16}, labels="lable")


def test_the_class_token_alone_is_spliced_where_it_alone_was_harvested(pictures, vit_folder):
    system = system_of(pictures, vit_folder, "layers.2", pooling="cls", batch_size=5)
    rows, found = spliced_rows(system)
    np.testing.assert_allclose(rows, system.responses(0, 12, ["layer"])["layer"], atol=1e-5)
    assert found["recovered_mean"] == 1  # Behind the last layer the head reads nothing else.
    places = spliced_rows(system_of(pictures, vit_folder, "layers.2", batch_size=5))[1]
    assert np.isnan(places["recovered_mean"])


def test_heads_are_looked_for_before_anything_is_loaded(documents, gpt2_folder, tmp_path):
    check_head(system_of(documents, gpt2_folder, "h.1"))
    with pytest.raises(HarvestError, match="untrained: found true"):
        check_head(system_of(documents, gpt2_folder, "h.1", untrained=True))
    encoder = MPNetConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    folder = saved(MPNetModel(encoder), tmp_path / "encoder")
    with pytest.raises(HarvestError, match="has no head to splice before"):
        check_head(system_of(documents, folder, "encoder.layer.0"))
    small = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    masked = BertForMaskedLM(BertConfig(**small, intermediate_size=32))
    with pytest.raises(HarvestError, match=r"tells masked tokens \(BertForMaskedLM\)"):
        check_head(system_of(documents, saved(masked, tmp_path / "masked"), "encoder.layer.0"))
    # One that was saved as if it told next tokens, but looks at all of them.
    both_ways = saved(BertLMHeadModel(BertConfig(**small, intermediate_size=32)), tmp_path / "both_ways")
    with pytest.raises(HarvestError, match="sees the token that it should say"):
        system_splicing(system_of(documents, both_ways, "encoder.layer.0"), "layer", torch.clone)


def test_labels_are_classes_of_the_model(pictures, vit_folder, documents, gpt2_folder):
    stimuli = stimuli_of("images", 12, {"image": pictures.content("image")}, {"label": np.arange(12) % 6})
    with pytest.raises(HarvestError, match="has 5 classes, and the attribute 'label' of stimuli says 5"):
        check_labels(system_of(stimuli, vit_folder, "layers.1"), "label")
    with pytest.raises(HarvestError, match="found labels 'label', expected none: next tokens"):
        check_labels(system_of(documents, gpt2_folder, "h.1"), "label")


def test_heads_that_are_not_there_are_refused(documents, gpt2_folder, pictures, vit_folder, tmp_path):
    with pytest.raises(HarvestError, match=r"systems.model.layers.layer.pooling: found 'mean'"):
        system_splicing(system_of(documents, gpt2_folder, "h.1", pooling="mean"), "layer", torch.clone)
    with pytest.raises(HarvestError, match=r"systems.model.untrained: found true"):
        system_splicing(system_of(documents, gpt2_folder, "h.1", untrained=True), "layer", torch.clone)
    # A base model whose word vectors are not those of its head: transformers would draw the head at random.
    untied = saved(GPT2Model(GPT2Config(**GPT2, **SPECIAL, tie_word_embeddings=False)), tmp_path / "base")
    with pytest.raises(HarvestError, match=r"was saved without a head \(GPT2Model\), expected one for next tokens"):
        system_splicing(system_of(documents, untied, "h.1"), "layer", torch.clone)
