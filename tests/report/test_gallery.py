"""Matching of atoms: planted partners are found, and the printed correlation is not the one that chose the pair."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.sparse import csr_array

from thresh.errors import StimuliError
from thresh.report.gallery import make_gallery, match_atoms, strongest
from thresh.report.passages import EXCERPT, DrivingTokens, passage
from thresh.report.thumbnails import picture, thumbnail
from thresh.stimuli import Stimuli


def sparse(stimuli: int, atoms: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.random((stimuli, atoms)) * (generator.random((stimuli, atoms)) < 0.3)


def test_a_planted_permutation_is_recovered_and_ranked():
    codes = sparse(400, 12, 0)
    order = np.random.default_rng(1).permutation(12)
    noise = np.linspace(0, 0.4, 12)[order] * np.random.default_rng(2).standard_normal((400, 12))
    matched = match_atoms(codes, codes[:, order] + noise)
    assert all(order[b] == a for a, b in zip(matched.a, matched.b, strict=True))
    assert (np.diff(matched.matched_on) <= 0).all()
    assert matched.held_out[0] == pytest.approx(1, abs=0.01)  # less noise, better partner


def test_correlation_is_that_of_the_stimuli_that_chose_nothing():
    codes = sparse(200, 6, 3)
    partner = codes.copy()
    held = np.random.default_rng(0).permutation(200)[100:]
    partner[held] = sparse(100, 6, 4)  # partners agree on the matching half alone
    matched = match_atoms(codes, partner)
    assert matched.matched_on == pytest.approx(np.ones(6))
    for a, b, printed in zip(matched.a, matched.b, matched.held_out, strict=True):
        assert printed == pytest.approx(np.corrcoef(codes[held, a], partner[held, b])[0, 1])
    assert abs(matched.held_out).max() < 0.35


def test_unrelated_codes_do_not_look_alike():
    matched = match_atoms(sparse(200, 60, 5), sparse(200, 60, 6))
    assert matched.matched_on.mean() > 0.15  # what choosing alone brings
    assert abs(matched.held_out.mean()) < 0.05


def test_dead_and_nearly_dead_atoms_are_left_out():
    codes = sparse(100, 5, 7)
    codes[:, 1] = 0
    codes[:, 3] = 0
    codes[np.random.default_rng(0).permutation(100)[:2], 3] = 1  # two stimuli of the matching half
    matched = match_atoms(codes, codes)
    assert sorted(matched.a) == [0, 2, 4]
    assert matched.live == (3, 3)


def test_an_atom_that_is_silent_on_the_scored_half_has_no_correlation():
    codes = sparse(100, 3, 8)
    codes[np.random.default_rng(0).permutation(100)[50:], 0] = 0
    matched = match_atoms(codes, codes)
    assert np.isnan(matched.held_out[matched.a == 0]).all()
    assert matched.held_out[matched.a != 0] == pytest.approx(1)


def test_without_live_atoms_there_are_no_pairs():
    assert len(match_atoms(np.zeros((40, 3)), sparse(40, 4, 9)).a) == 0


def test_strongest_stimuli_come_in_order_and_only_if_they_drive_the_atom():
    assert strongest(np.array([0.1, 0, 3.0, 2.0]), 9) == [2, 3, 0]


def test_small_pictures_are_enlarged_pixel_by_pixel():
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8)
    assert (np.asarray(thumbnail(Image.fromarray(pixels))) == np.kron(pixels, np.ones((8, 8), np.uint8))).all()
    assert max(thumbnail(Image.new("RGB", (900, 600))).size) == 128


def test_gallery_of_a_study_shows_test_stimuli_and_held_out_correlations(built, tmp_path):
    gallery = make_gallery(built.results, built.config, built.config["report"]["galleries"][0], tmp_path)
    assert gallery["live"] == (24, 24)  # of 26: two are dead
    assert [pair["correlation"] for pair in gallery["pairs"]] == sorted(
        (pair["correlation"] for pair in gallery["pairs"]), reverse=True
    )
    page = built.page("gallery.html")
    for pair in gallery["pairs"]:
        assert f"r = {pair['correlation']:.2f}" in page
    from sklearn.datasets import load_digits

    from thresh.stimuli import open_stimuli

    stimuli = open_stimuli(built.results / "stimuli" / "digits.zarr")
    shown = {one["id"]: one for pair in gallery["pairs"] for top in pair["tops"] for one in top}
    for identity, one in shown.items():
        index = int(np.flatnonzero(stimuli.ids == identity)[0])
        assert stimuli.split[index] == "test"
        assert one["title"] == f"label {load_digits().target[index]}, {identity}"
        assert Image.open(tmp_path / one["path"]).size == (64, 64)
    assert len(list((tmp_path / "thumbnails").rglob("*.png"))) == len(shown)  # each written once


def test_too_few_common_stimuli_are_refused(built, tmp_path, monkeypatch):
    few = np.arange(3)
    monkeypatch.setattr("thresh.report.gallery.common_test_rows", lambda a, b: (few, few))
    with pytest.raises(StimuliError, match="found 3 common test stimuli, expected at least 20"):
        make_gallery(built.results, built.config, built.config["report"]["galleries"][0], tmp_path)


def test_stimuli_without_a_picture_are_shown_by_their_text_or_their_middle_frame(tmp_path):
    def shown(modality, content):
        return Stimuli("one", "x", ids=["a"], hashes=["0"], split=["test"], contents={modality: content})

    text = "word " * 40
    assert picture(shown("text", [text]), 0, tmp_path)["after"] == f"{text[:119]} …"
    assert picture(shown("tokens", [np.arange(3)]), 0, tmp_path)["before"] == "a"

    class Clip:
        frame_counts = np.array([5])

        def __len__(self):
            return 1

        def frames(self, index, start, stop):
            return [Image.new("L", (64, 64), 10 * frame) for frame in range(start, stop)]

    place = picture(shown("video", Clip()), 0, tmp_path)["path"]
    assert np.asarray(Image.open(tmp_path / place)).tolist() == np.full((64, 64), 20).tolist()


class Codes:
    """Codes in memory, read as those of a store."""

    def __init__(self, values):
        self.values = csr_array(values)

    def read(self, start, stop):
        return self.values[start:stop]


def test_the_token_with_the_largest_code_is_marked_where_it_stands():
    texts = ["the cat sat on the mat", "a dog", f"{'word ' * 60}needle{' word' * 60}"]
    stimuli = Stimuli("t", "text", ids=list("abc"), hashes=list("abc"), split=["test"] * 3, contents={"text": texts})
    rows = [(index, *word.span()) for index in (2, 0, 1) for word in re.finditer(r"\w+", texts[index])]
    table = pd.DataFrame(rows, columns=["stimulus", "start", "end"])
    codes = np.zeros((len(rows), 2))
    for word, value in (("needle", 3.0), ("cat", 2.0), ("mat", 1.0)):
        codes[[texts[index][start:end] == word for index, start, end in rows], 1] = value
    tokens = DrivingTokens(Codes(codes), table)
    shown = [passage(stimuli, index, tokens.span(index, 1)) for index in range(3)]
    assert [one["driving"] for one in shown] == ["cat", "a", "needle"]
    assert shown[0]["before"] + shown[0]["driving"] + shown[0]["after"] == texts[0]
    assert EXCERPT - 10 < len("".join(shown[2].values())) <= EXCERPT + 4
    assert shown[2]["before"].startswith("… word word ")
    assert shown[2]["after"].endswith(" word word …")
    assert DrivingTokens(Codes(codes), table.assign(start=-1)).span(0, 1) is None
    assert DrivingTokens(Codes(codes), table[["stimulus"]]).span(0, 1) is None
