"""Lines of progress in a log: some of long work, none of work that is done before the first is due."""

from thresh.bar import Bar


def test_a_log_has_whole_lines_that_tell_how_far_the_work_is(capsys):
    assert list(Bar(range(3), desc="harvest net", unit="batches", every=0)) == [0, 1, 2]
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert [line.split(",")[0] for line in lines[:2]] == ["harvest net: 1 of 3 batches", "harvest net: 2 of 3 batches"]
    assert all(line.endswith(" left") for line in lines)


def test_quick_work_leaves_nothing_in_a_log(capsys):
    assert list(Bar(range(3), desc="harvest net", unit="batches", every=3600)) == [0, 1, 2]
    with Bar(total=2, desc="tokenise net", unit="documents", every=3600) as bar:
        bar.update(2)
    assert capsys.readouterr() == ("", "")
