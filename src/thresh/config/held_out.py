"""What is held out of learning and of fitting, to be seen for the first time when codes are probed."""

from typing import Literal, Self

from pydantic import Field, model_validator

from thresh.config.sections import Fraction, Section


class HeldOut(Section):
    """Stimuli of kinds that are not learned from: combinations of two attributes, or a range of one."""

    combinations: tuple[str, str] | None = Field(
        None, description="Two attributes: some of their combinations are held out, no value of either is."
    )
    range: str | None = Field(None, description="An attribute that is a number: its largest or smallest are held out.")
    share: Fraction = Field(0.25, description="Share of the combinations, or of the stimuli of a range.")
    side: Literal["above", "below"] = Field("above", description="Of a range: the largest values, or the smallest.")
    seed: int = Field(0, ge=0, description="Seed of the combinations that are drawn.")

    @model_validator(mode="after")
    def one_way(self) -> Self:
        if (self.combinations is None) == (self.range is None):
            raise ValueError("expected either `combinations` or `range`")
        return self
