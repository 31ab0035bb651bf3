"""Files whose change must be seen: what a system or a stimulus set is read from."""

import importlib.metadata
import os

import pytest

from thresh.sources import factory_code, factory_digest, files_of, fingerprint, system_sources
from thresh.study_loading import load_study


def test_a_changed_file_changes_the_fingerprint_alone_or_in_a_folder(tmp_path):
    archive = tmp_path / "images.zip"
    for source in (archive, tmp_path):
        archive.write_bytes(b"one")
        before = fingerprint([str(source)])
        assert fingerprint([str(source)]) == before
        archive.write_bytes(b"other")
        assert fingerprint([str(source)]) != before
    os.remove(archive)
    assert fingerprint([str(tmp_path)]) != before


@pytest.fixture(params=["search path", "checkout"])
def code(tmp_path, monkeypatch, request):
    """A user's package, and what gives the digest of its factory."""
    package = tmp_path / "own_nets"
    package.mkdir()
    for name in ("__init__.py", "small.py", "helper.py"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    search_path = str(tmp_path) if request.param == "search path" else None
    return package, lambda: factory_digest("own_nets.small:build", search_path)


def test_an_edit_of_any_file_beside_a_factory_is_seen_and_a_touched_one_is_not(code):
    package, digest = code
    before = digest()
    os.utime(package / "helper.py", (0, 0))
    assert digest() == before
    (package / "helper.py").write_text("width = 6")
    edited = digest()
    assert edited != before
    (package / "more.py").write_text("")
    assert digest() not in (before, edited)


def test_environments_beside_a_factory_are_passed_over(code):
    package, digest = code
    before = digest()
    for folder in (".venv/lib", ".hidden", "env/lib/python3/site-packages/torch"):
        (package / folder).mkdir(parents=True)
        (package / folder / "module.py").write_text("")
    assert digest() == before


@pytest.mark.parametrize(
    ("factory", "package"), [("transformers:AutoModel", "transformers"), ("torch.nn:RNN", "torch")]
)
def test_an_installed_factory_counts_by_its_version_and_names_no_files(factory, package, monkeypatch):
    system = {"kind": "torch", "stimuli": "digits", "factory": factory, "image_size": 8, "layers": ["one"]}
    systems = {"net": {**system, "weights": "weights.pt"}, "pixels": {"kind": "pixels", "stimuli": "digits"}}
    study = load_study({"stimuli": {"digits": {"kind": "digits"}}, "systems": systems})
    assert system_sources(study, "net") == ["weights.pt"]
    assert len(factory_code(study, "net")) == 64
    assert factory_code(study, "pixels") == ""
    before, version = factory_code(study, "net"), importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version(name) + (name == package) * ".post1")
    assert factory_code(study, "net") != before


def test_files_that_are_missing_are_left_to_the_check_of_their_system(tmp_path):
    there = tmp_path / "weights.pt"
    there.write_text("")
    made = "results/models/net.json"  # a manifest that the study will make
    assert files_of([str(there), str(tmp_path / "lost.pt"), made]) == [str(there), made]
