"""Who is told what about the runs of a job, as it is written down."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind: TypeAlias = Literal["failure", "success", "no_rows", "row_drop", "late"]
_ChannelName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,49}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class ChannelSpec(_Part):
    """A place where people are told what happens."""

    url: str = Field(
        repr=False,
        max_length=4000,
        description="Its address as Apprise writes it: mailto://, slack://, workflows:// (Teams), "
        "jsons:// (a webhook). It is a secret: write ${NAME}.",
    )
    description: str = Field(default="", description="For people.")


class AlertSpec(_Part):
    """Something that may happen to a job, and the channels that are told."""

    when: Kind = Field(
        description="failure: a run has failed; success: it has succeeded; no_rows: it has "
        "succeeded, and nothing changed in the destination; row_drop: it has read much less than "
        "runs before it; late: nothing has ended some minutes after the planned start."
    )
    channels: tuple[_ChannelName, ...] = Field(min_length=1, description="Names of channels.")
    percent: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Of row_drop: so much less than the median of the last ten successful runs.",
    )
    minutes: float | None = Field(
        default=None, gt=0, le=44_640, description="Of late: minutes after the planned start."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, kind in (("percent", "row_drop"), ("minutes", "late")):
            given = getattr(self, name) is not None
            if given != (self.when == kind):
                raise ValueError(
                    f"'{name}' goes with 'when: {kind}' only" if given
                    else f"'when: {kind}' needs '{name}'"
                )  # fmt: skip
        return self
