"""Facts as they stand in a manifest."""

import math


def plain(facts: dict) -> dict:
    """What is not defined is null in JSON, which knows no NaN."""
    return {key: None if isinstance(fact, float) and math.isnan(fact) else fact for key, fact in facts.items()}
