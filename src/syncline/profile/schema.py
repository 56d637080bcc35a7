"""The profile of an API: one pydantic model that is parser, interpreter input and JSON Schema."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from syncline.model.table import Operator
from syncline.profile.auth import AuthScheme
from syncline.profile.formats import Format, JsonFormat
from syncline.profile.pagination import NoPages, Paginator
from syncline.profile.part import NAME, Name, Part
from syncline.profile.posting import Posting, QueryText
from syncline.profile.walks import (
    PATTERN,
    Changes,
    DeletedMark,
    FanOut,
    Incremental,
    PageSize,
    ParentFanOut,
    ValueFanOut,
    Windows,
)
from syncline.profile.webhooks import Webhooks

#: The parts that live in modules of their own are found here, too.
__all__ = [
    "IN_WORDS", "ApiTable", "Changes", "Child", "Column", "ColumnFilter", "ColumnType", "Columns",
    "Defaults", "DeletedMark", "FanOut", "Filters", "Incremental", "Limits", "Member", "Name",
    "ObjectColumn", "PageSize", "ParentFanOut", "Profile", "Projection", "Retry", "Setting",
    "ValueFanOut", "Windows",
]  # fmt: skip

_TYPE = r"^(string|integer|number|boolean|date|datetime|time|json|scalar|decimal\(\d+,\d+\))$"
_TYPES = "one of string, integer, number, boolean, date, datetime, time, json, scalar, decimal(p,s)"

#: What patterns and tags of unions stand for, as complaints say it.
IN_WORDS = {
    _TYPE: _TYPES,
    NAME: "a name without spaces, dots, quotes, braces and brackets",
    "[type]": _TYPES,
    PATTERN: "a pattern of strftime",
}

ColumnType: TypeAlias = Annotated[
    str,
    Field(
        pattern=_TYPE,
        description="datetime is an instant, kept in UTC. json is kept as text. scalar is a text, "
        "number or boolean, now this, now that, and kept as text.",
    ),
]


class Setting(Part):
    """A value that a connection may set in ``ProfileSettings``."""

    description: str = Field(default="", description="What to fill in, for people.")
    default: str | None = Field(
        default=None, description="May name other settings: https://{Region}."
    )
    choices: tuple[str, ...] = Field(default=(), description="Empty: anything goes.")
    secret: bool = Field(default=False, description="Kept sealed, never shown.")
    example: str = Field(default="", description="A value as it may look.")


class Column(Part):
    """A column and where its value is found in a record."""

    type: ColumnType
    path: str | None = Field(
        default=None, description="Dotted path in the record; default: the name."
    )
    header: str | None = Field(
        default=None, description="In place of a path: the header of the answer that has the value."
    )
    value: str | None = Field(
        default=None, description="In place of a path: the value of every row; may name settings."
    )
    size: int | None = Field(default=None, gt=0, description="Greatest number of characters.")
    required: bool = Field(default=False, description="Never null, as the key's columns are.")
    description: str = Field(default="", description="What the value means.")
    fields: tuple[str, ...] = Field(
        default=(), description="For json: what to ask for inside, where the API has a projection."
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if sum(v is not None for v in (self.path, self.header, self.value)) > 1:
            raise ValueError("'path', 'header' and 'value' exclude each other")
        return self


def _column_form(value: object) -> str:
    # Brackets keep these tags apart from every key: complaints cut them from places.
    if isinstance(value, ObjectColumn) or (isinstance(value, dict) and "object" in value):
        return "[object]"
    return "[column]" if isinstance(value, Column | dict) else "[type]"


def _member_form(value: object) -> str:
    return "[column]" if isinstance(value, Column | dict) else "[type]"


Member: TypeAlias = Annotated[
    Annotated[ColumnType, Tag("[type]")] | Annotated[Column, Tag("[column]")],
    Discriminator(_member_form),
]


class ObjectColumn(Part):
    """A nested object whose members become columns ``<name>_<member>``."""

    object: dict[Name, Member] = Field(min_length=1, description="The members, each a column.")


Columns: TypeAlias = dict[
    Name,
    Annotated[
        Annotated[ColumnType, Tag("[type]")]
        | Annotated[Column, Tag("[column]")]
        | Annotated[ObjectColumn, Tag("[object]")],
        Discriminator(_column_form),
    ],
]


class Child(Part):
    """A table made of a list inside the records of its parent, from the same pages."""

    description: str = Field(default="", description="What its rows are.")
    list: str = Field(description="Dotted path of the list in the parent's record.")
    primary_key: tuple[str, ...] = Field(
        default=(), description="Columns that together are never equal in two rows."
    )
    parent: dict[Name, str] = Field(
        description="Column of this table: column of the parent that it repeats.", min_length=1
    )
    columns: Columns = Field(description="What is read of each element of the list.")


class ColumnFilter(Part):
    """Comparisons on one column that become a query parameter."""

    parameter: str = Field(description="The query parameter that takes the value.")
    operators: tuple[Operator, ...] = Field(
        default=(Operator.EQ,), description="Comparisons that the parameter can answer."
    )
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
    required: bool = Field(
        default=False, description="The API refuses to list the table without it."
    )
    values: dict[str, str] = Field(
        default_factory=dict, description="Value in SQL: value of the API, where they differ."
    )
    type: ColumnType | None = Field(
        default=None, description="Set for a filter-only column, which records do not have."
    )
    description: str = Field(default="", description="Of a filter-only column.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (Operator.IN in self.operators) != (self.many is not None):
            raise ValueError("'many' and the operator 'in' go together")
        if self.widen and (self.exact or not set(self.operators) <= _BOUNDS):
            raise ValueError("'widen' is for the operators > >= < <= with exact: false")
        return self


_BOUNDS = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}


def _filter_form(value: object) -> str:
    return "[list]" if isinstance(value, list | tuple) else "[filter]"


Filters: TypeAlias = dict[
    str,
    Annotated[
        Annotated[ColumnFilter, Tag("[filter]")]
        | Annotated[tuple[ColumnFilter, ...], Tag("[list]")],
        Discriminator(_filter_form),
    ],
]


class Projection(Part):
    """The parameter that names the fields wanted.

    A column asks for its path, a json column for its ``fields`` below it too. With braces only
    two levels can be written, so of a longer path the second member is named bare and the API
    answers with that member's own defaults (the id among them): ``custom_field.id`` of the list
    ``custom_field_values`` is asked for as ``custom_field_values{custom_field}``.
    """

    parameter: str = Field(description="The query parameter that takes the names.")
    style: Literal["comma", "braces"] = Field(
        default="comma", description="braces: a,b{c,d}, one level; comma: a,b.c,b.d"
    )


class Limits(Part):
    """How many requests are allowed, by what is known beforehand and by what headers say."""

    requests: int | None = Field(default=None, gt=0, description="So many in ``seconds``.")
    seconds: float = Field(default=60.0, gt=0, description="Length of the window for ``requests``.")
    remaining: str | None = Field(default=None, description="Header: requests left in the window.")
    reset: str | None = Field(default=None, description="Header: when the window ends.")
    reset_as: Literal["epoch", "seconds"] = Field(
        default="epoch", description="epoch: a moment, in seconds since 1970; seconds: from now."
    )
    concurrency: int = Field(default=8, gt=0, description="Requests under way at once.")
    page_bytes: int = Field(
        default=256 * 1024 * 1024, gt=0, description="Greatest answer that is read, uncompressed."
    )
    depth: int | None = Field(
        default=None,
        gt=0,
        le=20_000,
        description="Lists and objects inside each other that are read; default: as many as Python "
        "allows, about a thousand.",
    )


class Retry(Part):
    """Which answers are worth asking again."""

    statuses: tuple[int, ...] = Field(
        default=(408, 425, 429, 500, 502, 503, 504),
        description="HTTP statuses. 202 among them: the answer is not ready yet.",
    )
    attempts: int = Field(default=8, gt=0, description="The first one included.")
    seconds: float = Field(
        default=300.0, gt=0, description="Give up after so long, waits included."
    )
    after: str = Field(
        default="Retry-After", description="Header: seconds to wait, or the moment to wait for."
    )


class ApiTable(Part):
    """One table: where its records are and what is known of them. None: as in ``defaults``."""

    path: str = Field(
        description="Below base_url; may name settings, {parent.column}, and days (of UTC) such as "
        "{today} and {today-30}."
    )
    description: str = Field(default="", description="What its rows are.")
    base_url: str | None = Field(
        default=None, description="What the path follows, if not the profile's; may name settings."
    )
    format: Format | None = Field(default=None, description="None: as in defaults.")
    records: str | None = Field(
        default=None, description="Dotted path of the list; '' is the body itself."
    )
    answer: Literal["list", "one", "either", "keyed", "rows"] = Field(
        default="list",
        description="What is at 'records'. one: a single record; either: a list, a single record, "
        "or nothing; keyed: an object whose members are the records, with the member's name at "
        "'@key', and at '@value' what it is if that is no object; rows: a list of lists, whose "
        "values are at '0', '1' and so on.",
    )
    posting: Posting | None = Field(
        default=None, description="None: the list is asked for by GET, without a body."
    )
    query: QueryText | None = Field(default=None, description="None: as in defaults.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Sent beside the profile's; may name settings."
    )
    parameters: dict[str, str] = Field(
        default_factory=dict,
        description="Sent with every request, beside those of defaults; named is what 'path' may "
        "name. One that is nothing but a setting is left away where that is empty.",
    )
    absent: tuple[int, ...] = Field(
        default=(), description="Statuses that mean: there is nothing at this address."
    )
    primary_key: tuple[str, ...] = Field(
        default=(), description="Columns that together are never equal in two rows."
    )
    columns: Columns = Field(description="What is read of each record, in this order.")
    children: dict[Name, Child] = Field(
        default_factory=dict, description="Tables made of lists inside the records."
    )
    filters: Filters = Field(
        default_factory=dict, description="By column: what the API can filter itself."
    )
    incremental: Incremental | None = Field(default=None, description="None: every read is whole.")
    deleted: DeletedMark | None = Field(
        default=None, description="None: records do not say that they are deleted."
    )
    fan_out: FanOut | None = Field(
        default=None, description="None: one walk from page to page lists the table."
    )
    windows: Windows | None = Field(default=None, description="None: the table is read in one go.")
    pagination: Paginator | None = Field(default=None, description="None: as in defaults.")
    page: PageSize | None = Field(default=None, description="None: as in defaults.")
    projection: Projection | None = Field(default=None, description="None: as in defaults.")
    limits: Limits | None = Field(default=None, description="A limit of its own, beside the API's.")


class Defaults(Part):
    """What tables inherit unless they say otherwise."""

    format: Format = Field(
        default=JsonFormat(type="json"), description="What answers are written in."
    )
    records: str = Field(default="", description="Dotted path of the list; '' is the body itself.")
    pagination: Paginator = Field(
        default=NoPages(type="none"), description="How pages follow each other."
    )
    page: PageSize = Field(default=PageSize(), description="How many records a page has.")
    projection: Projection | None = Field(
        default=None, description="None: the API always answers with whole records."
    )
    parameters: dict[str, str] = Field(default_factory=dict, description="Sent with every request.")
    query: QueryText | None = Field(
        default=None, description="None: parameters are sent one by one."
    )


class Profile(Part):
    """Everything Syncline needs to know of an API to offer it as tables."""

    name: Name = Field(description="One word, for connections and logs.")
    title: str = Field(default="", description="The name for people.")
    description: str = Field(default="", description="What the API is about.")
    documentation: str = Field(default="", description="Address of the API's own documentation.")
    checked: str = Field(default="", description="How this profile was checked, and when.")
    settings: dict[Name, Setting] = Field(
        default_factory=dict, description="What a connection fills in."
    )
    auth: tuple[AuthScheme, ...] = Field(min_length=1, description="The first is the default.")
    base_url: str = Field(description="What every path follows; may name settings.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Sent with every request; may name settings."
    )
    limits: Limits = Field(default=Limits(), description="What the API allows.")
    retry: Retry = Field(default=Retry(), description="What is asked again.")
    errors: tuple[str, ...] = Field(
        default=(),
        description="Dotted paths where the body of an error has its message; a number is a place "
        "in a list.",
    )
    numbers_as_strings: bool = Field(
        default=False, description="The API may send numbers and booleans as texts."
    )
    defaults: Defaults = Field(
        default=Defaults(), description="What tables inherit unless they say otherwise."
    )
    webhooks: Webhooks | None = Field(
        default=None, description="None: the API does not tell by itself what has changed."
    )
    tables: dict[Name, ApiTable] = Field(min_length=1, description="The tables, by name.")
