"""Globs stand for the layers that a model has, and the rest of a config may name them."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thresh.layer_globs import matches, wild_parts, with_layers_listed
from thresh.study_loading import StudyError, load_study

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    """A ViT of four layers without weights."""
    from transformers import ViTConfig

    folder = tmp_path_factory.mktemp("vit")
    ViTConfig(hidden_size=8, num_hidden_layers=4, num_attention_heads=2, intermediate_size=8).save_pretrained(folder)
    return str(folder)


def config_of(model, layers, **sections):
    systems = {
        "net": {"kind": "transformers", "model": model, "stimuli": "digits", "layers": layers},
        "raw": {"kind": "pixels", "stimuli": "digits"},
    }
    return {"stimuli": {"digits": {"kind": "digits"}}, "systems": systems, **sections}


def layers_of(config):
    """Layer -> path of its module, of a config that is read as the workflow does it."""
    study = load_study(with_layers_listed(config))
    return {name: layer.module for name, layer in study.config.systems["net"].layers.items()}


def told(config):
    with pytest.raises(StudyError) as caught:
        load_study(with_layers_listed(config))
    return str(caught.value)


def test_a_list_names_layers_by_their_paths_in_the_order_of_the_model(vit):
    assert layers_of(config_of(vit, ["layernorm", "layers.*"])) == {
        path: path for path in ("layernorm", *(f"layers.{index}" for index in range(4)))
    }
    # A layer that is named and matched as well is one layer.
    assert list(layers_of(config_of(vit, ["layers.2", "layers.*"]))) == [f"layers.{index}" for index in (2, 0, 1, 3)]


def test_a_mapping_names_layers_by_what_stands_for_the_wildcards(vit):
    layers = {
        "blocks": {"module": "layers.*", "pooling": "cls"},
        "wide": {"module": "layers.[0-2].mlp.fc?", "output": 0},
        "last": {"module": "layernorm", "pooling": "mean"},
    }
    config = config_of(vit, layers)
    wide = {f"wide.{index}.fc{one}": f"layers.{index}.mlp.fc{one}" for index in range(3) for one in (1, 2)}
    assert layers_of(config) == {f"blocks.{index}": f"layers.{index}" for index in range(4)} | wide | {
        "last": "layernorm"
    }
    listed = with_layers_listed(config)["systems"]["net"]["layers"]
    assert {listed[f"blocks.{index}"]["pooling"] for index in range(4)} == {"cls"}
    assert listed["last"] == layers["last"]


@pytest.mark.parametrize(
    ("glob", "matched"),
    [
        ("layers.*", [f"layers.{index}" for index in range(4)]),
        ("layers.[02]", ["layers.0", "layers.2"]),
        ("layers.[!0-2]", ["layers.3"]),
        ("*norm", ["layernorm"]),
        ("layers.1.mlp.*", ["layers.1.mlp.fc1", "layers.1.mlp.fc2", "layers.1.mlp.activation_fn"]),
        ("layers.*.mlp", [f"layers.{index}.mlp" for index in range(4)]),
    ],
)
def test_a_wildcard_stands_within_one_part_of_a_path(vit, glob, matched):
    assert sorted(layers_of(config_of(vit, [glob]))) == sorted(matched)


words = st.text("abc01", min_size=1, max_size=3)


@given(parts=st.lists(words, min_size=1, max_size=4), stars=st.data())
def test_a_path_matches_itself_with_any_of_its_parts_wild_and_nothing_longer(parts, stars):
    wild = stars.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    glob = ".".join("*" if star else part for part, star in zip(parts, wild, strict=True))
    path = ".".join(parts)
    assert matches(path, glob)
    assert not matches(f"{path}.a", glob)
    assert wild_parts(path, glob) == [part for part, star in zip(parts, wild, strict=True) if star]


def test_other_sections_name_the_layers_that_a_glob_gave(vit):
    sections = {
        "dictionaries": {"random": {"method": "random", "layers": {"net": ["blocks.1", "blocks.3"]}}},
        "inference": {"fista": {"params": {"penalty": 0.1}}},
        "alignment": {
            "some": {"systems": ["net", "raw"], "metrics": ["linear_cka"], "layers": {"net": ["blocks.2"]}},
        },
    }
    config = config_of(vit, {"blocks": {"module": "layers.*"}}, **sections)
    study = load_study(with_layers_listed(config))
    assert study.dictionaries(("net", "blocks.1")) == ["random"]
    assert study.dictionaries(("net", "blocks.2")) == []
    assert [(one.a, one.b) for one in study.alignments()] == [(("net", "blocks.2"), ("raw", "pixels"))]
    config["alignment"]["some"]["layers"]["net"] = ["blocks.4"]
    assert "alignment.some.layers.net: found 'blocks.4', expected a key of `systems.net.layers`" in told(config)


def test_layers_of_one_system_are_paired_each_once(vit):
    alignment = {"within": {"pairs": [["net", "net"]], "metrics": ["linear_cka"]}}
    study = load_study(with_layers_listed(config_of(vit, ["layers.[012]"], alignment=alignment)))
    assert [(one.a[1], one.b[1]) for one in study.alignments()] == [
        ("layers.0", "layers.1"),
        ("layers.0", "layers.2"),
        ("layers.1", "layers.2"),
    ]


def test_modules_that_only_hold_others_match_no_glob(vit):
    assert list(layers_of(config_of(vit, ["layer*"]))) == ["layernorm"]
    found = told(config_of(vit, ["layers*"]))
    assert "'layers*' matches no module" in found
    assert "nearest: layers.3" in found


def test_factories_are_listed_with_their_arguments():
    network = {
        "kind": "torch",
        "factory": "torch.nn:TransformerEncoderLayer",
        "arguments": {"d_model": 8, "nhead": 2},
        "image_size": 8,
        "untrained": True,
        "stimuli": "digits",
        "layers": ["linear?"],
    }
    config = config_of("some/name", ["a"])
    config["systems"]["net"] = network
    assert list(layers_of(config)) == ["linear1", "linear2"]
    network["layers"] = ["linear?.*"]
    command = told(config).splitlines()[-1].split("scripts/list_layers.py ")[1]
    listed = subprocess.run(
        f"{sys.executable} {ROOT}/scripts/list_layers.py {command}",
        shell=True,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "linear1" in listed.stdout
    network["layers"] = ["linear?"]
    network["factory"] = "torch.nn:Nothing"
    assert told(config).startswith("systems.net.factory: found no callable")
    assert "found no callable 'Nothing' in torch.nn" in told(config)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_glob_that_matches_nothing_is_told_with_what_lists_the_layers(vit):
    found = told(config_of(vit, ["layer.*"]))
    assert found.startswith(f"systems.net.layers.layer.*: 'layer.*' matches no module of {vit}.\n  nearest: layers")
    assert found.endswith(f"scripts/list_layers.py {vit}")
    assert "systems.net.layers.blocks: 'layers.[7-9]' matches no module" in told(
        config_of(vit, {"blocks": {"module": "layers.[7-9]"}})
    )


def test_globs_of_several_systems_are_told_together(vit):
    config = config_of(vit, ["layer.*"])
    config["systems"]["other"] = {**config["systems"]["net"], "layers": ["norm*"]}
    assert {line.split(":")[0] for line in told(config).splitlines() if line.startswith("systems")} == {
        "systems.net.layers.layer.*",
        "systems.other.layers.norm*",
    }


def test_a_model_that_the_study_trains_has_no_modules_yet(vit):
    made = {"small": {"architecture": "vit", "stimuli": "digits"}}
    config = config_of("small", ["layers.*"], small_models=made)
    assert told(config) == ("systems.net.layers: found a glob, but small is trained by the study: name its layers.")
    assert list(layers_of(config_of("small", ["layers.0"], small_models=made))) == ["layers.0"]


@pytest.mark.parametrize(
    "layers",
    [
        {"blocks": {"module": "layers.*"}, "blocks.1": {"module": "layernorm"}},
        {"blocks.1": {"module": "layernorm"}, "blocks": {"module": "layers.*"}},
        {"blocks": {"module": "layers.*"}, "blocks.1": {"module": "layers.1", "pooling": "cls"}},
    ],
)
def test_two_layers_of_one_name_are_told(vit, layers):
    assert told(config_of(vit, layers)) == (
        "systems.net.layers: found two layers named blocks.1, one of them by layers.*."
    )


def test_a_model_that_is_not_there_is_told(tmp_path):
    message = told(config_of(str(tmp_path / "none"), ["layers.*"]))
    assert message.startswith(f"systems.net.model: {tmp_path / 'none'}: found no folder")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layers", ["layers.*", {"module": "a"}]),
        ("layers", ["layers.*", 3]),
        ("layers", {"a": "layers.*"}),
        ("layers", {"a": {"module": 3}}),
        ("model", 3),
        ("model", None),
        ("kind", "nothing"),
    ],
)
def test_what_is_wrong_in_other_ways_is_told_as_without_globs(vit, key, value):
    config = config_of(vit, ["layers.*"])
    config["systems"]["net"][key] = value
    assert with_layers_listed(copy.deepcopy(config)) == config
    assert "systems.net" in told(config)


def test_configs_without_globs_are_left_alone_and_import_no_torch():
    """Reading the quickstart's config takes no import of torch: each job of the workflow reads it."""
    code = (
        "import sys, yaml; from thresh.layer_globs import with_layers_listed;"
        "from thresh.study_loading import load_study;"
        "config = yaml.safe_load(open('config/quickstart.yaml')); listed = with_layers_listed(config);"
        "assert listed is config; load_study(listed); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    for config in (None, [], {"systems": None}, {"systems": {"a": None}}):
        assert with_layers_listed(config) is config


# --- scripts/list_layers.py ------------------------------------------------------------------------------------------


def listed(*arguments):
    command = [sys.executable, str(ROOT / "scripts" / "list_layers.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_script_lists_what_a_glob_can_match(vit):
    """Paths and classes, from a folder that has a config and no weights."""
    done = listed(vit, "--contains", "mlp.fc")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [[f"layers.{index}.mlp.fc{one}", "Linear"] for index in range(4) for one in (1, 2)]
    config = config_of(vit, ["layers.*.mlp.fc?"])
    assert [path for path, _ in lines] == list(layers_of(config))


def test_the_script_tells_what_it_cannot_list(tmp_path):
    done = listed(str(tmp_path / "none"))
    assert done.returncode == 1
    assert "none: found no folder, expected a transformers model" in done.stderr
    assert "Traceback" not in done.stderr
