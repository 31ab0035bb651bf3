"""Files whose change must be seen: what a system or a stimulus set is read from."""

import os

from thresh.sources import factory_files, files_of, fingerprint


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


def test_code_of_a_factory_is_all_below_its_search_path(tmp_path):
    (tmp_path / "nets").mkdir()
    files = [tmp_path / "helper.py", tmp_path / "nets" / "__init__.py", tmp_path / "nets" / "small.py"]
    for file in files:
        file.write_text("")
    assert factory_files("nets.small:build", str(tmp_path)) == [str(file) for file in files]


def test_code_of_an_installed_factory_is_its_package():
    import jinja2

    found = factory_files("jinja2.loaders:FileSystemLoader", None)
    assert jinja2.loaders.__file__ in found
    assert factory_files("no_such_package:build", None) == []


def test_files_that_are_missing_are_left_to_the_check_of_their_system(tmp_path):
    there = tmp_path / "weights.pt"
    there.write_text("")
    made = "results/models/net.json"  # a manifest that the study will make
    assert files_of([str(there), str(tmp_path / "lost.pt"), made]) == [str(there), made]
