"""What sections of a config are made of."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

# Names become folders and wildcards of the workflow, so a slash or a leading dot has no place in them.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A part of the config; keys that it does not name are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def plain(value: dict) -> dict:
    try:
        json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("expected numbers, text, true, false, null, and lists or mappings of these") from None
    return value


# What a job is given as it stands, in JSON: that knows neither dates nor NaN.
Parameters = Annotated[dict[str, Any], AfterValidator(plain)]


def only_names(value: list) -> list[str]:
    if not all(isinstance(name, str) for name in value):
        raise ValueError("expected a list of names alone, or a mapping from names to what they hold")
    return value
