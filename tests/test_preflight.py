"""What is told before anything long begins, for methods and for pairs of systems."""

import pytest

from thresh.preflight import PreflightError, check_methods, check_pairs, check_widths


def test_pairs_without_a_common_stimulus_are_told_with_an_id_of_each_side():
    answered = {
        "a": {"v1": ["s1", "s2"], "v4": ["s3"]},
        "b": {"it": ["s2", "s9"]},
        "c": {"all": ["s1", "s2", "s3"]},
    }
    assert check_pairs(answered, {"fine": [["a", "c"], ["b", "c"]]}) == {"fine": 1}
    with pytest.raises(PreflightError) as caught:
        check_pairs(answered, {"brains": [["a", "b"], ["a", "c"]]})
    assert str(caught.value).strip() == (
        "alignment.brains: found no stimulus that both a/v4 (e.g. ['s3']) and b/it (e.g. ['s2']) answer to,"
        " expected some."
    )


def test_all_findings_about_methods_come_together():
    dictionaries = {"one": {"method": "online", "params": {"penalti": 1}}, "two": {"method": "none", "params": {}}}
    inference = {"three": {"solver": "omp", "params": {}}, "four": {"solver": "fista", "params": {"penalty": 0.1}}}
    with pytest.raises(PreflightError) as caught:
        check_methods(dictionaries=dictionaries, inference=inference, metrics={"five": {"linear_ck": {}, "rsa": {}}})
    lines = str(caught.value).strip().splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "dictionaries.one",
        "dictionaries.two",
        "inference.three",
        "alignment.five.metrics.linear_ck",
    ]


def test_more_atoms_than_rows_are_told_for_numbers_and_multiples():
    layers = {"net": {"one": {"units": 8, "train_rows": 40}, "two": {"units": None, "train_rows": None}}}
    wanted = {"net": {"one": {"small": 40, "wide": "5x"}, "two": {"small": 10**6}}}
    assert check_widths(layers, wanted) == {"net/one": 40, "net/two": None}
    wanted["net"]["one"] |= {"wide": "5.2x", "wider": 41}
    with pytest.raises(PreflightError) as caught:
        check_widths(layers, wanted)
    assert str(caught.value).strip().splitlines() == [
        "dictionaries.wide: net/one: found 40 rows for 42 atoms, expected at least as many rows.",
        "dictionaries.wider: net/one: found 40 rows for 41 atoms, expected at least as many rows.",
    ]
