"""Dictionaries that a study imports: where they stand, what they must fit, and what makes them stale."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thresh.config import Config
from thresh.dictionaries import ArrayRows, export, learn, learn_store, load
from thresh.dictionaries.imported import check_source, import_dictionary
from thresh.dictionaries.moments import moments
from thresh.errors import DictionaryError
from thresh.preflight import PreflightError, check_widths
from thresh.sources import dictionary_files
from thresh.stage_params import check_params, dictionary_params
from thresh.stages import canonical, stage_parser
from thresh.stages.command import read_arguments
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations, open_activations, seal
from thresh.study_loading import StudyError, load_study

STUDY = {
    "stimuli": {"digits": {"kind": "digits"}},
    "systems": {
        "gpt2": {"kind": "transformers", "model": "gpt2", "stimuli": "digits", "layers": ["h.0", "h.1"]},
        "pythia": {"kind": "transformers", "model": "pythia", "stimuli": "digits", "layers": ["layers.0"]},
    },
    "dictionaries": {"learned": {"method": "topk"}},
    "inference": {"encoder": {"solver": "encoder"}},
}
LAYERS = [("gpt2", "h.0"), ("gpt2", "h.1"), ("pythia", "layers.0")]


def study_of(content):
    config = copy.deepcopy(STUDY)
    config["dictionaries"]["published"] = content
    return load_study(config, "study.yaml")


def errors_of(content):
    with pytest.raises(StudyError) as caught:
        study_of(content)
    return [line.removeprefix("study.yaml: dictionaries.published") for line in str(caught.value).splitlines()]


def source(path, subfolder="", revision="main"):
    return {"path": path, "subfolder": subfolder, "revision": revision}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"source": {"path": "a/b"}}, [source("a/b")] * 3),
        ({"source": {"path": "a/b"}, "systems": ["pythia"]}, [None, None, source("a/b")]),
        (
            {"source": {"path": "a/b", "subfolder": "sae.{layer}", "revision": "v1"}, "systems": ["gpt2"]},
            [source("a/b", "sae.h.0", "v1"), source("a/b", "sae.h.1", "v1"), None],
        ),
        ({"source": {"path": "a/b", "subfolder": {"h.1": "mid"}}}, [None, source("a/b", "mid"), None]),
        (
            {"source": {"gpt2": {"path": "a/b", "subfolder": {"h.1": "mid"}}, "pythia": {"path": "c"}}},
            [None, source("a/b", "mid"), source("c")],
        ),
    ],
)
def test_a_source_is_one_for_each_layer_that_it_is_there_for(content, expected):
    study = study_of(content)
    for layer, one in zip(LAYERS, expected, strict=True):
        assert ("published" in study.dictionaries(layer)) == (one is not None)
        if one is not None:
            assert study.source("published", layer) == one
            params = dictionary_params(study, "/".join(layer), ("learned", "published"))["products"]
            assert params["published"] == {"source": one}
            assert params["learned"].items() >= {"method": "topk", "atoms": "4x", "seed": 0, "params": {}}.items()
            assert "source" not in params["learned"]
            assert study.widths()[layer[0]][layer[1]] == {"learned": "4x", "published": one}
    assert list(check_params(study)["dictionaries"]) == ["learned"]
    # The report reads the config again, with all defaults written out.
    assert Config.model_validate(study.config.model_dump(mode="json")) == study.config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"source": {"path": "a/b"}, "method": "topk", "params": {"k": 3}},
            ": expected no `method` and `params` beside `source`: an imported dictionary is not learned.",
        ),
        ({"source": {"path": "a/b"}, "atoms": 9}, ": expected no `atoms` beside `source`: an imported"),
        ({"source": "a/b"}, ".source: found 'a/b', expected a mapping."),
        ({"source": {}}, ".source.path: this key is missing."),
        ({"source": {"path": ""}}, ".source.path: found '', string should have at least 1 character."),
        ({"source": {"path": "a", "revison": "v1"}}, ".source.revison: unknown key here; nearest: revision"),
        ({"source": {"path": "a", "subfolder": "sae.{block}"}}, ".source.subfolder: found 'sae.{block}', expected no"),
        ({"source": {"path": "a", "subfolder": {"h.1": 3}}}, ".source.subfolder: expected a folder, or a mapping"),
        ({"source": {"path": "a", "subfolder": {"h.7": "x"}}}, ".source.subfolder: found 'h.7', expected a key of"),
        ({"source": {"gtp2": {"path": "a"}}}, ".source: found 'gtp2', expected a key of `systems`; nearest: gpt2."),
        ({"source": {"gpt2": "a"}}, ".source.path: this key is missing."),
        ({"source": {"gpt2": {"pat": "a"}}}, ".source.gpt2.path: this key is missing."),
        (
            {"source": {"pythia": {"path": "a", "subfolder": {"h.1": "x"}}}},
            ".source.pythia.subfolder: found 'h.1', expected a key of `systems.pythia.layers`; known: layers.0.",
        ),
    ],
)
def test_an_error_names_its_key(content, message):
    lines = errors_of(content)
    assert any(line.startswith(message) for line in lines), lines


WORDS = st.sampled_from(["path", "subfolder", "revision", "gpt2", "pythia", "h.0", "{layer}", "{", "", "a/b"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(value=VALUES)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_as_a_source_it_is_one_or_lines_that_say_why_not(value):
    try:
        study, told = study_of({"source": value}), ""
    except StudyError as error:
        study, told = None, str(error)
    assert (study is None) == bool(told)
    assert all(line.startswith("study.yaml: ") for line in told.splitlines())
    if study is not None:
        canonical([dictionary_params(study, "/".join(layer), tuple(study.dictionaries(layer))) for layer in LAYERS])


UNITS = 6


@pytest.fixture
def published(tmp_path):
    """A release with one folder, and the dictionary in it."""
    x = np.random.default_rng(0).standard_normal((200, UNITS)) + 1
    dictionary = learn(x, "topk", atoms=12, k=2, epochs=1, device="cpu")
    export(dictionary, tmp_path / "release" / "h.0", "sparsify")
    return tmp_path / "release", dictionary


@pytest.fixture
def store(tmp_path):
    x = np.random.default_rng(1).standard_normal((300, UNITS)).astype(np.float32) + 0.5
    spec = ActivationsSpec(
        rows={"stimulus": np.arange(300), "position": np.full(300, -1)},
        units={"unit": np.arange(UNITS)},
        stimuli={"id": np.array([f"s{i}" for i in range(300)]), "hash": np.array(["h"] * 300)},
        dtype="float32",
        shard_rows=256,
        attributes={"recipe": {}, "facts": {}},
    )
    names = lay_out_activations(tmp_path / "layer.zarr", spec)
    ShardWriter(tmp_path / "layer.zarr", list(range(len(names))), lambda index, digest: None).put(0, x)
    seal(tmp_path / "layer.zarr")
    return x, open_activations(tmp_path / "layer.zarr")


def test_an_imported_dictionary_is_known_by_the_rows_of_its_layer(published, store, tmp_path):
    (release, original), (x, activations) = published, store
    specs = {
        "published": {"source": source(str(release), "h.0")},
        "control": {"method": "random", "atoms": 20},
    }
    folders = {name: tmp_path / "out" / name for name in specs}
    train = np.arange(300) < 200
    order = []
    facts = learn_store(
        activations, specs, folders, select=train, device="cpu", finished=lambda name, facts: order.append(name)
    )
    assert order == ["published", "control"]
    found = load(folders["published"])
    codes = found.encode(x)
    assert np.allclose(codes, original.encode(x), atol=1e-5)
    assert found.scale == pytest.approx(np.sqrt(np.mean(np.sum((x[train] - found.bias) ** 2, axis=1))), rel=1e-5)
    residual = x[train] - found.decode(codes[train])
    explained = 1 - np.sum(residual**2) / np.sum((x[train] - x[train].mean(axis=0)) ** 2)
    assert facts["published"] == {
        "atoms": 12,
        "units": UNITS,
        "method": "imported",
        "explained_variance": pytest.approx(explained, abs=1e-4),
        "l0": pytest.approx(np.mean(np.sum(codes[train] > 0, axis=1))),
        "dead": pytest.approx(np.mean(~(codes[train] > 0).any(axis=0))),
    }
    told = found.facts["source"]
    assert (told["path"], told["subfolder"], told["format"]) == (str(release), "h.0", "sparsify")
    assert sorted(told["sha256"]) == ["cfg.json", "sae.safetensors"]
    # Nothing was trained.
    assert sorted(path.name for path in folders["published"].iterdir()) == ["cfg.json", "sae_weights.safetensors"]


def test_widths_that_differ_are_told_with_both(published):
    release, _ = published
    place = f"dictionaries.published.source: gpt2/h.0: {release / 'h.0'}"
    wanted = {"gpt2": {"h.0": {"published": source(str(release), "h.0"), "learned": "4x"}}}
    with pytest.raises(PreflightError) as caught:
        check_widths({"gpt2": {"h.0": {"units": 9, "train_rows": 100}}}, wanted)
    assert str(caught.value).strip() == f"{place}: found a dictionary of 6 units, expected the 9 of the layer."
    assert check_widths({"gpt2": {"h.0": {"units": 6, "train_rows": 100}}}, wanted) == {"gpt2/h.0": 24}
    # Where the config does not tell, the job itself does.
    config = json.loads((release / "h.0" / "cfg.json").read_text())
    (release / "h.0" / "cfg.json").write_text(json.dumps({"activation": "topk", "k": config["k"]}))
    check_source("published", "gpt2/h.0", source(str(release), "h.0"), 9)
    rows = ArrayRows(np.ones((30, 20), np.float32))
    with pytest.raises(DictionaryError, match=r"^dictionaries\.published\.source: .*6 units, expected the 20 of the l"):
        import_dictionary("published", source(str(release), "h.0"), rows, moments(rows))


def test_a_source_that_is_not_there_is_told_before_anything_long_begins(published, tmp_path, monkeypatch):
    from huggingface_hub import constants

    release, _ = published
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    cached = tmp_path / "cache" / "models--someone--release"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("c" * 40)
    (cached / "snapshots" / ("c" * 40) / "h.0").mkdir(parents=True)
    (cached / "snapshots" / ("c" * 40) / "h.0" / "cfg.json").write_text('{"d_in": 9}')
    for one, message in (
        (source(str(release)), r"release: found no files, .* It has the subfolders h\.0\."),
        (source(str(release), "h.1"), r"h\.1: found no folder, expected a dictionary"),
        (source("./nothing"), r"\./nothing: found no folder, expected a dictionary"),
        (source("no/body"), "no/body: found no such folder, and nothing at revision 'main' of the Hugging Face hub"),
        (source("someone/release", "h.1"), r"found no cfg\.json and no config\.json, expected a dictionary"),
        (source("someone/release", "h.0"), "found a dictionary of 9 units, expected the 6 of the layer"),
    ):
        with pytest.raises(DictionaryError, match=rf"^dictionaries\.published\.source: gpt2/h\.0: .*{message}"):
            check_source("published", "gpt2/h.0", one, UNITS)


def test_files_of_a_source_make_one_product_stale_and_no_other(published, tmp_path):
    release, _ = published
    study = study_of({"source": {"path": str(release), "subfolder": "{layer}"}})
    names = ("learned", "published")
    assert dictionary_files(study, "gpt2/h.1", names) == []  # told by the check
    files = dictionary_files(study, "gpt2/h.0", names)
    folder = release / "h.0"
    assert files == [("published", str(folder / name)) for name in ("cfg.json", "sae.safetensors")]

    def digests():
        arguments = ["--source", *(f"{name}={file}" for name, file in files)]
        arguments += ["--manifest", *(f"{name}={tmp_path}/{name}.json" for name in names)]
        arguments += ["--params", canonical({"products": dictionary_params(study, "gpt2/h.0", names)["products"]})]
        job, common = read_arguments(stage_parser("", of_products=["source"]).parse_args(arguments), "")
        assert common == []
        return {product.name: product.digests for product in job.products}

    before = digests()
    assert before["learned"] == ()
    assert len(before["published"]) == 2
    assert digests() == before
    with (folder / "sae.safetensors").open("ab") as file:
        file.write(b" ")
    after = digests()
    assert after["learned"] == before["learned"]
    assert after["published"] != before["published"]
