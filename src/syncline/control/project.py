"""The project file: connections and jobs in YAML, kept in git."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    model_validator,
)

from syncline.control.action_specs import Actions, checked_before
from syncline.control.alert_specs import AlertSpec, ChannelSpec
from syncline.control.timetable import ScheduleSpec
from syncline.errors import ProjectError
from syncline.model.reach import EVERYWHERE, Reach
from syncline.profile.loader import parse

#: What is done before something, in this order.
Before: TypeAlias = Annotated[Actions, AfterValidator(checked_before)]
#: A name that can be part of a file name and of a checkpoint's task id.
ObjectName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,49}$")]
Scalar: TypeAlias = str | int | float | bool
#: Words without commas, each once, in order of the alphabet.
Labels: TypeAlias = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^,\s](?:[^,]{0,48}[^,\s])?$")], ...],
    AfterValidator(lambda labels: tuple(sorted(set(labels)))),
]
Moment: TypeAlias = Annotated[
    datetime, BeforeValidator(lambda v: _moment(v) if isinstance(v, date | str) else v)
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class ConnectionSpec(_Part):
    """A source or destination: its type and properties."""

    #: ``${NAME}`` in a property is an environment variable.
    substitutes: ClassVar[bool] = True
    type: Literal["api", "databricks", "duckdb", "postgres", "sqlserver"] = Field(
        description="api is a source; the others are destinations."
    )
    properties: dict[str, Scalar | dict[str, Scalar]] | str = Field(
        description="CData's property names, or one connection string."
    )
    description: str = Field(default="", description="For people.")
    labels: Labels = Field(default=(), description="Words to find it by.")

    @property
    def reach(self) -> Reach:
        """Where its addresses may lead: anywhere, for who writes files has the machine."""
        return EVERYWHERE


class OpenedConnection(ConnectionSpec):
    """A connection of the store, its secrets opened: values are what they are."""

    substitutes: ClassVar[bool] = False
    within: InstanceOf[Reach] = Field(exclude=True, repr=False)
    properties: dict[str, Scalar | dict[str, Scalar]] | str = Field(repr=False)

    @property
    def reach(self) -> Reach:
        """Where its addresses may lead, as an administrator says."""
        return self.within


class ExpressionSpec(_Part):
    """A column computed with SQL."""

    expression: str = Field(description="SQL over the table's columns, as in a query.")
    as_: str = Field(alias="as", description="The column's name in the target.")


#: The first form that fits: a mapping of texts would fit an expression, too.
ColumnSpec: TypeAlias = Annotated[
    str | ExpressionSpec | dict[str, str], Field(union_mode="left_to_right")
]


class DeletesSpec(_Part):
    """What becomes of rows that are gone at the source, and how often to look for them."""

    mode: Literal["auto", "hard", "soft", "ignore"] = Field(
        description="hard: look for them and delete; soft: look for them, keep them and set "
        "_deleted_at; auto: delete those that a read shows; ignore: never delete."
    )
    every: int = Field(default=1, gt=0, description="Look for deleted rows every so many runs.")


class TaskSpec(_Part):
    """One table or query of the source, kept in one table of the destination."""

    enabled: bool = Field(
        default=True, description="false: it stays in the job, but is not run or added again."
    )
    table: str | None = Field(default=None, description="A table of the source; or use 'query'.")
    columns: tuple[ColumnSpec, ...] = Field(
        default=(),
        description="Of 'table': name, {name: new_name} or {expression: SQL, as: name}; none: all.",
    )
    where: str | None = Field(default=None, description="Of 'table': an SQL condition.")
    query: str | None = Field(default=None, description="SELECT, or CData's REPLICATE statement.")
    parameters: dict[str, Scalar] = Field(
        default_factory=dict, description="Values of @name parameters."
    )
    into: str | None = Field(
        default=None,
        description="Target table, also schema.table; default: the source table's name.",
    )
    write: (
        Literal["merge", "append", "replace", "history", "insert", "update", "upsert", "delete"]
        | None
    ) = Field(
        default=None,
        description="merge, append, replace or history; into an existing table insert, update, "
        "upsert, delete or replace. Default: merge if the query keeps the table's primary key, "
        "else replace; insert into an existing table.",
    )
    key: tuple[str, ...] = Field(
        default=(), description="Columns that identify a row; default: the table's primary key."
    )
    deletes: Literal["auto", "hard", "soft", "ignore"] | DeletesSpec = Field(
        default="auto",
        description="What becomes of rows that are gone at the source: a mode, or {mode, every}.",
    )
    replace_by: Literal["swap", "truncate", "drop"] = Field(
        default="swap",
        description="How 'write: replace' does it, in one transaction: swap gives the new table "
        "the target's name, unless something hangs on the target that would go with it, such as "
        "an index or rights: then its rows are replaced; truncate empties the target and fills "
        "it, so that columns that others added stay too; drop makes the target again and fills it.",
    )
    columnstore: bool = Field(
        default=False,
        description="SQL Server: keep the target in a clustered columnstore, for histories and "
        "tables of many millions of rows; elsewhere without effect.",
    )
    existing: bool = Field(
        default=False, description="The target is there already and stays as it is."
    )
    mapping: dict[str, str] = Field(
        default_factory=dict, description="Column of the query: column of the existing table."
    )
    batch_size: int = Field(
        default=0, ge=0, description="Rows in one commit to an existing table; 0: all in one."
    )
    timeout: float | None = Field(
        default=None, gt=0, description="Seconds that a commit to an existing table may take."
    )
    identity_insert: bool = Field(
        default=False, description="Write an existing table's identity column from the query."
    )
    on_error: Literal["fail", "ignore", "redirect"] = Field(
        default="fail",
        description="Rows that do not fit an existing table: stop, leave them out, or keep them "
        "in TARGET_rejects.",
    )
    on_truncation: Literal["fail", "ignore", "redirect"] = Field(
        default="fail", description="The same for texts that are too long."
    )
    schema_changes: Literal["evolve", "freeze"] = Field(
        default="evolve",
        description="evolve: add columns to the target and widen them; freeze: refuse to.",
    )
    allow_empty: bool = Field(
        default=False, description="Believe a source that has no rows where the target has some."
    )
    rejects: bool = Field(
        default=False, description="Keep rows that do not fit in TARGET_rejects, and go on."
    )
    synced_at: bool = Field(
        default=False, description="Add _synced_at: when the row was last written."
    )
    parallel: int = Field(
        default=1,
        gt=0,
        le=64,
        description="Windows that are read at once, of tables that have windows.",
    )
    start: Moment | None = Field(
        default=None, description="The first day to read, of tables that have windows."
    )
    window_days: int | None = Field(
        default=None,
        gt=0,
        description="Read everything in windows of so many days, each of which is kept once it is "
        "read; of tables that have windows.",
    )
    commit_rows: int = Field(
        default=50_000, gt=0, description="Commit after so many rows, at the next page's end,"
    )
    commit_seconds: float = Field(
        default=30.0, gt=0, description="or after so many seconds, whichever comes first."
    )
    before: Before = Field(
        default=(), description="What a worker does before the task, in this order."
    )
    after: Actions = Field(default=(), description="What a worker does when the task has ended.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either 'table' or 'query'")
        if self.query is not None and (self.columns or self.where):
            raise ValueError("'columns' and 'where' go with 'table'; a query has its own")
        only = {"insert", "update", "upsert", "delete"}
        never = {"merge", "append", "history"}
        if not self.existing and (self.mapping or self.write in only):
            raise ValueError("'mapping' and this 'write' are for a target with 'existing: true'")
        if self.existing and self.write in never:
            raise ValueError(f"with 'existing: true', 'write' is one of {', '.join(sorted(only))}"
                             ", replace")  # fmt: skip
        if not self.existing and (self.batch_size or self.identity_insert):
            raise ValueError(
                "'batch_size' and 'identity_insert' are for a target with 'existing: true'"
            )
        if self.replace_by != "swap" and self.write not in {None, "replace"}:
            raise ValueError("'replace_by' is for 'write: replace'")
        if self.existing and self.replace_by == "drop":
            raise ValueError("with 'existing: true', 'replace_by' is truncate, or left out")
        return self


class JobSpec(_Part):
    """A set of tasks from one source to one destination."""

    source: str = Field(description="Name of a connection of type api.")
    destination: str = Field(description="Name of a connection of another type.")
    description: str = Field(default="", description="For people.")
    labels: Labels = Field(default=(), description="Words to find it by.")
    tasks: tuple[TaskSpec, ...] = Field(
        default=(), description="What to read and where to keep it, in this order."
    )
    all_tables: bool = Field(
        default=False,
        description="Every run first adds a task for each table of the source that has none; to "
        "leave one out, add it with 'enabled: false'.",
    )
    schedule: ScheduleSpec | None = Field(default=None, description="When it starts by itself.")
    paused: bool = Field(default=False, description="Do not start by schedule.")
    table_prefix: str = Field(
        default="", description="Put before the name of every target table that has no 'into'."
    )
    schema_: str | None = Field(
        default=None,
        alias="schema",
        description="Schema of every target table that names none; default: the destination's.",
    )
    start: Moment | None = Field(
        default=None, description="The first day to read, for tasks without 'start'."
    )
    window_days: int | None = Field(
        default=None,
        gt=0,
        description="Days of a window, for tasks without 'window_days'.",
    )
    verbosity: Literal["error", "info", "verbose"] = Field(
        default="info",
        description="What a worker keeps in the log of a run: error: ends, warnings and errors; "
        "info: also plans, commits and long waits; verbose: also every page and wait.",
    )
    parallel_tasks: int = Field(
        default=1, gt=0, le=32, description="Tasks that run at the same time."
    )
    continue_on_error: bool = Field(
        default=True, description="Begin the tasks that are left when one has failed."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=20,
        description="How often a worker tries a task again after an error that may pass.",
    )
    retry_seconds: float = Field(
        default=30.0, ge=0, description="Seconds before the first of them; twice as many each time."
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        description="Seconds that a worker's run may take; what is committed stays, and the next "
        "run goes on from there.",
    )
    before: Before = Field(
        default=(), description="What a worker does before the tasks, in this order."
    )
    after: Actions = Field(
        default=(), description="What a worker does when all tasks have ended, in this order."
    )
    alerts: tuple[AlertSpec, ...] = Field(
        default=(), description="Who is told what about a worker's runs."
    )


def started_by(spec: JobSpec) -> tuple[str, ...]:
    """Return the jobs that actions of a job start, each once."""
    parts: tuple[JobSpec | TaskSpec, ...] = (spec, *spec.tasks)
    names = (action.job for part in parts for action in (*part.before, *part.after))
    return tuple(dict.fromkeys(name for name in names if name is not None))


class Project(_Part):
    """Connections, jobs, and channels that people are told by."""

    connections: dict[ObjectName, ConnectionSpec] = Field(
        min_length=1, description="Sources and destinations, by name."
    )
    jobs: dict[ObjectName, JobSpec] = Field(default_factory=dict, description="Jobs, by name.")
    channels: dict[ObjectName, ChannelSpec] = Field(
        default_factory=dict, description="Where people are told what happens, by name."
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, job in self.jobs.items():
            for role, connection in (("source", job.source), ("destination", job.destination)):
                if connection not in self.connections:
                    known = ", ".join(self.connections)
                    raise ValueError(
                        f"jobs.{name}.{role}: there is no connection {connection!r}; known: {known}"
                    )
            if self.connections[job.source].type != "api":
                raise ValueError(f"jobs.{name}.source: {job.source!r} is no source")
            if self.connections[job.destination].type == "api":
                raise ValueError(f"jobs.{name}.destination: {job.destination!r} is no destination")
        return self


def load_project(path: Path) -> Project:
    """Return the project in a file. Raises `ProjectError` with file, line and what was expected."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ProjectError(
            f"there is no file {path}", hint="give the path of a project file in YAML"
        ) from None
    except OSError as error:
        raise ProjectError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}",
            hint="give the path of a project file in YAML that you may read",
        ) from error
    except UnicodeDecodeError as error:
        raise ProjectError(
            f"cannot read {path}: it is not UTF-8 text", hint="save the file as UTF-8"
        ) from error
    return parse(text, str(path), Project, ProjectError)


def _moment(value: date | str) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
