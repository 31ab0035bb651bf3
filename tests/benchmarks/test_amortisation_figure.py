"""The front of the amortisation figure."""

import pandas as pd

from amortisation_figure import front


def test_the_front_holds_what_no_cheaper_arm_matches():
    arms = pd.DataFrame(
        [("b", 20, 0.5), ("a", 10, 0.6), ("tie", 30, 0.6), ("c", 30, 0.8), ("dear", 90, 0.9), ("same cost", 90, 0.7)],
        columns=["arm", "FLOPs", "MCC"],
    )
    assert front(arms)["arm"].tolist() == ["a", "c", "dear"]
