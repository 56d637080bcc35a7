"""Which walks list a table, and how a walk asks for a part of the time only."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from syncline.profile.pagination import Paginator
from syncline.profile.part import Name, Part
from syncline.profile.posting import Posting

#: A pattern of `datetime.strftime`.
PATTERN = r"^.*%[a-zA-Z].*$"
TimeFormat: TypeAlias = Annotated[str, Field(pattern=PATTERN)]


class PageSize(Part):
    """How many records a page has."""

    parameter: str | None = Field(
        default=None, description="The query parameter that takes the size."
    )
    size: int | None = Field(
        default=None, gt=0, description="Asked for; the greatest the API allows."
    )


class Changes(Part):
    """Another request, which lists what has changed where the table's own cannot.

    None: as of the table.
    """

    path: str = Field(description="Below base_url; may name settings.")
    records: str | None = Field(
        default=None, description="Dotted path of the list; '' is the body itself."
    )
    parameters: dict[str, str] | None = Field(default=None, description="In place of the table's.")
    posting: Posting | None = Field(default=None, description="None: asked for by GET.")
    pagination: Paginator | None = Field(default=None, description="How pages follow each other.")
    page: PageSize | None = Field(default=None, description="How many records a page has.")


class Incremental(Part):
    """The column that grows with every change, and the parameter that asks for what is newer."""

    column: str = Field(description="The column that grows.")
    parameter: str = Field(description="The query parameter that takes the time.")
    format: Literal["iso8601", "date", "epoch", "epoch_ms"] | TimeFormat = Field(
        default="iso8601", description="How the time is written; or a pattern as of strftime."
    )
    value: str = Field(
        default="{value}",
        description="Form of the parameter, for example 'gt:{value}'; may name {until}, too.",
    )
    overlap: int = Field(
        default=60, ge=0, description="Seconds that are read again, against equal times."
    )
    start: str | None = Field(
        default=None,
        description="The first moment to ask for, ISO 8601; may name settings and days, such as "
        "{today-90}. Default: all.",
    )
    until: str | None = Field(
        default=None, description="The query parameter that takes the end of the time asked for."
    )
    step: int | None = Field(
        default=None,
        gt=0,
        description="Seconds that one request may ask for, where the API allows no more; needs "
        "'start', and 'until' or {until} in 'value'.",
    )
    granularity: int = Field(
        default=0,
        ge=0,
        description="Seconds between the end of one step and the start of the next. 0: each row "
        "that is just between comes twice, which a primary key makes good.",
    )
    changes: Changes | None = Field(
        default=None,
        description="How what has changed is asked for, if not like the whole table. The time and "
        "its parameter are for this request only.",
    )


class DeletedMark(Part):
    """How a record says that it is deleted, and what makes the API list such records."""

    column: str = Field(description="The column that tells.")
    values: tuple[str, ...] = Field(default=(), description="Empty: true, or not null.")
    parameters: dict[str, str] = Field(
        default_factory=dict, description="Query parameters that bring deleted records, too."
    )


class ParentFanOut(Part):
    """One walk per row of another table; ``{parent.column}`` may stand in path and parameters."""

    parent: str = Field(description="Name of the other table.")
    column: str = Field(default="id", description="Its column; also the name in {parent.column}.")
    into: Name | None = Field(
        default=None, description="Column that is added to this table and repeats the value."
    )
    also: dict[Name, Name] = Field(
        default_factory=dict,
        description="More columns of the other table that {parent.column} may name, texts or whole "
        "numbers; each with the column that is added to this table and repeats it.",
    )


class ValueFanOut(Part):
    """One walk per value of a parameter that the API requires, or of a part of the path."""

    parameter: str | None = Field(
        default=None,
        description="The query parameter that takes the values; without it {value} stands in path "
        "or parameters.",
    )
    values: tuple[str, ...] = Field(default=(), description="Every value there is.")
    setting: Name | None = Field(
        default=None, description="In place of 'values': a setting that has them, with commas."
    )
    column: str | None = Field(
        default=None,
        description="The column of records with this value: a filter on it leaves walks out.",
    )
    into: Name | None = Field(
        default=None,
        description="In place of 'column', where records do not have the value: "
        "column that is added to this table and repeats the value.",
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.values) == bool(self.setting):
            raise ValueError("either 'values' or 'setting' is needed")
        return self


def _fan_out_form(value: object) -> str:
    if isinstance(value, ValueFanOut) or (
        isinstance(value, dict) and value.keys() & {"parameter", "values", "setting"}
    ):
        return "[values]"
    return "[parent]"


FanOut: TypeAlias = Annotated[
    Annotated[ParentFanOut, Tag("[parent]")] | Annotated[ValueFanOut, Tag("[values]")],
    Discriminator(_fan_out_form),
]


class Windows(Part):
    """A date or time column by which the table can be read in disjoint windows at once."""

    column: str = Field(
        description="A row without a value is in no window. Where the API sorts such rows before "
        "or after all others, 'earliest' and 'latest' together find out whether there are any, and "
        "the table is read in one go; with 'earliest' alone, windows need a first day in the task, "
        "or a column that is 'required'."
    )
    since: str = Field(description="Parameter of the first moment of a window, inclusive.")
    until: str = Field(description="Parameter of the last moment of a window, inclusive.")
    format: Literal["date"] = Field(default="date", description="How the moments are written.")
    earliest: dict[str, str] = Field(
        default_factory=dict, description="Parameters that put the smallest value first."
    )
    latest: dict[str, str] = Field(
        default_factory=dict, description="Parameters that put the greatest value first."
    )
