"""What goes over the wire about tasks that write to existing tables."""

from pydantic import Field

from syncline.api.schemas import Out


class MappedColumnOut(Out):
    """A column of the query, and where it goes."""

    name: str = Field(examples=["EstHours"])
    type: str = Field(examples=["double"])
    target: str | None = Field(
        description="The column of the table; null: none takes it.", examples=["hours"]
    )
    problems: tuple[str, ...]


class TargetColumnOut(Out):
    """A column of the existing table, and what it gets."""

    name: str = Field(examples=["hours"])
    type: str = Field(examples=["decimal128(9, 2)"])
    nullable: bool
    made_by: str = Field(
        description="default, identity or expression: how the database makes a value; or empty."
    )
    taken: bool = Field(description="A column of the query goes there.")
    problems: tuple[str, ...] = Field(examples=[["'hours' needs a value and gets none"]])


class MappingOut(Out):
    """Which column goes where in an existing table, and everything that forbids to write."""

    exists: bool = Field(description="The table is there.")
    schema_name: str = Field(description="The schema that it is looked for in.", examples=["dbo"])
    columns: tuple[MappedColumnOut, ...]
    targets: tuple[TargetColumnOut, ...]
    problems: tuple[str, ...] = Field(description="Those of no single column.")
    tables: tuple[str, ...] = Field(description="Tables of the destination, as 'into' names them.")
