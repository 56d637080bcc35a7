"""The profile of an API: one pydantic model that is parser, interpreter input and JSON Schema."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from syncline.model.table import Operator
from syncline.profile.auth import AuthScheme
from syncline.profile.pagination import NoPages, Paginator

ColumnType: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^(string|integer|number|boolean|date|datetime|time|json|decimal\(\d+,\d+\))$",
        description="datetime is an instant, kept in UTC; json is kept as text.",
    ),
]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[^\s.{}\[\]\"']+$", max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Setting(_Part):
    """A value that a connection may set in ``ProfileSettings``."""

    description: str = ""
    default: str | None = Field(
        default=None, description="May name other settings: https://{Region}."
    )
    choices: tuple[str, ...] = ()
    secret: bool = False
    example: str = ""


class Column(_Part):
    """A column and where its value is found in a record."""

    type: ColumnType
    path: str | None = Field(
        default=None, description="Dotted path in the record; default: the name."
    )
    size: int | None = Field(default=None, gt=0, description="Greatest number of characters.")
    required: bool = Field(default=False, description="Never null.")
    description: str = ""
    fields: tuple[str, ...] = Field(
        default=(), description="For json: what to ask for inside, where the API has a projection."
    )


class ObjectColumn(_Part):
    """A nested object whose members become columns ``<name>_<member>``."""

    object: dict[Name, "ColumnType | Column"] = Field(min_length=1)


Columns: TypeAlias = dict[Name, ColumnType | Column | ObjectColumn]


class Child(_Part):
    """A table made of a list inside the records of its parent, from the same pages."""

    description: str = ""
    list: str = Field(description="Dotted path of the list in the parent's record.")
    primary_key: tuple[str, ...] = ()
    parent: dict[Name, str] = Field(
        description="Column of this table: column of the parent that it repeats.", min_length=1
    )
    columns: Columns


class ColumnFilter(_Part):
    """Comparisons on one column that become a query parameter."""

    parameter: str
    operators: tuple[Operator, ...] = (Operator.EQ,)
    value: str = Field(
        default="{value}", description="Form of the parameter, for example '>={value}'."
    )
    many: Literal["repeat", "comma"] | None = Field(
        default=None, description="How several values are sent, if 'in' is among the operators."
    )
    exact: bool = Field(
        default=True, description="False: the API may answer with rows that do not match."
    )
    widen: int = Field(
        default=0,
        ge=0,
        description="Seconds by which a bound is moved outwards (down for > and >=, up for < and "
        "<=), where it is not known whether the API counts the bound itself in.",
    )
    required: bool = False
    values: dict[str, str] = Field(
        default_factory=dict, description="Value in SQL: value of the API, where they differ."
    )
    type: ColumnType | None = Field(
        default=None, description="Set for a filter-only column, which records do not have."
    )
    description: str = ""

    @model_validator(mode="after")
    def _in_needs_many(self) -> Self:
        if (Operator.IN in self.operators) != (self.many is not None):
            raise ValueError("'many' and the operator 'in' go together")
        if self.widen and (self.exact or Operator.EQ in self.operators):
            raise ValueError("'widen' is for bounds, with exact: false")
        return self


class Incremental(_Part):
    """The column that grows with every change, and the parameter that asks for what is newer."""

    column: str
    parameter: str
    format: Literal["iso8601", "date", "epoch", "epoch_ms"] = "iso8601"
    value: str = Field(
        default="{value}", description="Form of the parameter, for example 'gt:{value}'."
    )
    overlap: int = Field(
        default=60, ge=0, description="Seconds that are read again, against equal times."
    )


class DeletedMark(_Part):
    """How a record says that it is deleted, and what makes the API list such records."""

    column: str
    values: tuple[str, ...] = Field(default=(), description="Empty: true, or not null.")
    parameters: dict[str, str] = Field(default_factory=dict)


class ParentFanOut(_Part):
    """One walk per row of another table; ``{parent.column}`` may stand in path and parameters."""

    parent: str = Field(description="Name of the other table.")
    column: str = Field(default="id", description="Its column; also the name in {parent.column}.")
    into: Name | None = Field(
        default=None, description="Column of this table that repeats the value."
    )


class ValueFanOut(_Part):
    """One walk per value of a parameter that the API requires."""

    parameter: str
    values: tuple[str, ...] = Field(min_length=1)
    column: str | None = Field(
        default=None, description="The column with this value: a filter on it leaves walks out."
    )
    into: Name | None = Field(
        default=None,
        description="As 'column', where records do not have the value: the column is added.",
    )


class Windows(_Part):
    """A date or time column by which the table can be read in disjoint windows at once."""

    column: str
    since: str = Field(description="Parameter of the first moment of a window, inclusive.")
    until: str = Field(description="Parameter of the last moment of a window, inclusive.")
    format: Literal["date"] = "date"
    earliest: dict[str, str] = Field(
        default_factory=dict, description="Parameters that put the smallest value first."
    )
    latest: dict[str, str] = Field(
        default_factory=dict, description="Parameters that put the greatest value first."
    )


class PageSize(_Part):
    """How many records a page has."""

    parameter: str | None = None
    size: int | None = Field(
        default=None, gt=0, description="Asked for; the greatest the API allows."
    )


class Projection(_Part):
    """The parameter that names the fields wanted.

    A column asks for its path. With braces only two levels can be written, so of a longer path
    the second member is named bare and the API answers with that member's own defaults (the id
    among them): ``custom_field.id`` of the list ``custom_field_values`` is asked for as
    ``custom_field_values{custom_field}``.
    """

    parameter: str
    style: Literal["comma", "braces"] = Field(
        default="comma", description="braces: a,b{c,d}, one level; comma: a,b.c,b.d"
    )


class Limits(_Part):
    """How many requests are allowed, by what is known beforehand and by what headers say."""

    requests: int | None = Field(default=None, gt=0)
    seconds: float = Field(default=60.0, gt=0, description="Length of the window for ``requests``.")
    remaining: str | None = Field(default=None, description="Header: requests left in the window.")
    reset: str | None = Field(default=None, description="Header: when the window ends.")
    reset_as: Literal["epoch", "seconds"] = "epoch"
    concurrency: int = Field(default=8, gt=0, description="Requests under way at once.")


class Retry(_Part):
    """Which answers are worth asking again."""

    statuses: tuple[int, ...] = (408, 425, 429, 500, 502, 503, 504)
    attempts: int = Field(default=8, gt=0)
    seconds: float = Field(
        default=300.0, gt=0, description="Give up after so long, waits included."
    )


class ApiTable(_Part):
    """One table: where its records are and what is known of them. None: as in ``defaults``."""

    path: str
    description: str = ""
    records: str | None = Field(
        default=None, description="Dotted path of the list; '' is the body itself."
    )
    parameters: dict[str, str] = Field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    columns: Columns
    children: dict[Name, Child] = Field(default_factory=dict)
    filters: dict[str, ColumnFilter | tuple[ColumnFilter, ...]] = Field(default_factory=dict)
    incremental: Incremental | None = None
    deleted: DeletedMark | None = None
    fan_out: ParentFanOut | ValueFanOut | None = None
    windows: Windows | None = None
    pagination: Paginator | None = None
    page: PageSize | None = None
    projection: Projection | None = None
    limits: Limits | None = Field(default=None, description="A limit of its own, beside the API's.")


class Defaults(_Part):
    """What tables inherit unless they say otherwise."""

    records: str = ""
    pagination: Paginator = NoPages(type="none")
    page: PageSize = PageSize()
    projection: Projection | None = None
    parameters: dict[str, str] = Field(default_factory=dict)


class Profile(_Part):
    """Everything Syncline needs to know of an API to offer it as tables."""

    name: Name
    title: str = ""
    description: str = ""
    documentation: str = Field(default="", description="Address of the API's own documentation.")
    checked: str = Field(default="", description="How this profile was checked, and when.")
    settings: dict[Name, Setting] = Field(default_factory=dict)
    auth: tuple[AuthScheme, ...] = Field(min_length=1, description="The first is the default.")
    base_url: str
    headers: dict[str, str] = Field(default_factory=dict)
    limits: Limits = Limits()
    retry: Retry = Retry()
    errors: tuple[str, ...] = Field(
        default=(), description="Dotted paths where the body of an error has its message."
    )
    numbers_as_strings: bool = Field(
        default=False, description="The API may send numbers and booleans as texts."
    )
    defaults: Defaults = Defaults()
    tables: dict[Name, ApiTable] = Field(min_length=1)
