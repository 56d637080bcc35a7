"""From what a job says about a task to the task that the engine runs."""

from collections.abc import Iterable

from sqlglot import exp
from sqlglot.errors import SqlglotError

from syncline.control.project import (
    ColumnSpec,
    DeletesSpec,
    ExpressionSpec,
    JobSpec,
    TaskSpec,
)
from syncline.control.replicating import Written, read_replicate
from syncline.errors import ProjectError
from syncline.model.job import (
    Deletes,
    Disposition,
    Flow,
    ReplaceBy,
    RowErrors,
    SchemaPolicy,
    Task,
)

_TABLE_PARTS = 2
#: Words of a task's `write` that mean another disposition.
_WRITES = {"upsert": "merge"}


def tasks_of(name: str, job: JobSpec) -> tuple[Task, ...]:
    """Return the tasks of a job that are to run. Raises `ProjectError`."""
    return tuple(
        task for task, spec in zip(all_tasks_of(name, job), job.tasks, strict=True) if spec.enabled
    )


def all_tasks_of(name: str, job: JobSpec) -> tuple[Task, ...]:
    """Return the tasks of a job, those too that are switched off. Raises `ProjectError`."""
    tasks = tuple(_task(name, job, index, spec) for index, spec in enumerate(job.tasks))
    seen: dict[str, int] = {}
    for index, task in enumerate(tasks):
        if task.id.lower() in seen:
            raise ProjectError(
                f"jobs.{name}: the tasks {seen[task.id.lower()] + 1} and {index + 1} both write "
                f"to {task.target!r}",
                hint="give one of them another 'into'",
            )
        seen[task.id.lower()] = index
    return tasks


def with_new_tables(job: JobSpec, tables: Iterable[str]) -> JobSpec:
    """Return the job with a task for each table that has none, if it is one of all tables."""
    if not job.all_tables:
        return job
    known = {spec.table.lower() for spec in job.tasks if spec.table}
    new = tuple(TaskSpec(table=table) for table in tables if table.lower() not in known)
    return job.model_copy(update={"tasks": (*job.tasks, *new)})


def _task(name: str, job: JobSpec, index: int, spec: TaskSpec) -> Task:
    place = f"jobs.{name}.tasks.{index + 1}"
    written = (
        read_replicate(place, spec.query) if spec.query else Written(query=_select(place, spec))
    )
    into = spec.into or written.into
    if into is None and spec.table is not None:
        into = _quoted(job.table_prefix + spec.table) if job.table_prefix else spec.table
    if into is None:
        raise ProjectError(
            f"{place}: a query needs 'into', the name of its target table",
            hint="add 'into: Name' to the task",
        )
    schema, target = _target(place, into)
    schema = schema or job.schema_
    deletes = spec.deletes
    if not isinstance(deletes, DeletesSpec):
        deletes = DeletesSpec(mode=deletes)
    mode = Deletes(deletes.mode)
    if written.deletes is not None and "deletes" not in spec.model_fields_set:
        mode = written.deletes
    commit_rows = spec.commit_rows
    if written.commit_rows is not None and "commit_rows" not in spec.model_fields_set:
        commit_rows = written.commit_rows
    write = Disposition(_WRITES.get(spec.write, spec.write)) if spec.write else None
    if spec.existing:
        write = write or Disposition.INSERT
    return Task(
        id=f"{name}/{schema + '.' if schema else ''}{target}",
        query=written.query,
        target=target,
        schema=schema,
        disposition=write or written.disposition,
        replace_by=written.replace_by or ReplaceBy(spec.replace_by),
        columnstore=spec.columnstore,
        schema_policy=written.schema_policy or SchemaPolicy(spec.schema_changes),
        key=spec.key or written.key,
        columns=written.columns,
        parameters=spec.parameters,
        # What is in a table that is not ours may come from others too.
        deletes=Deletes.IGNORE if spec.existing else mode,
        flow=_flow(spec) if spec.existing else None,
        sweep_every=deletes.every,
        allow_empty=spec.allow_empty,
        rejects=spec.rejects or (spec.existing and spec.on_error == "redirect"),
        synced_at=spec.synced_at,
        parallel=spec.parallel,
        start=spec.start or written.start or job.start,
        window_days=spec.window_days or written.window_days or job.window_days,
        commit_rows=spec.batch_size or commit_rows,
        commit_seconds=spec.commit_seconds,
    )


def _flow(spec: TaskSpec) -> Flow:
    return Flow(
        mapping=spec.mapping,
        batch_size=spec.batch_size,
        timeout=spec.timeout,
        identity_insert=spec.identity_insert,
        on_error=RowErrors(spec.on_error),
        on_truncation=RowErrors(spec.on_truncation),
    )


def _select(place: str, spec: TaskSpec) -> str:
    columns = ", ".join(_column(place, c) for c in spec.columns) or "*"
    where = f" WHERE {spec.where}" if spec.where else ""
    return f"SELECT {columns} FROM {_quoted(spec.table or '')}{where}"  # noqa: S608 (the user's own SQL, planned and checked by us)


def _column(place: str, column: ColumnSpec) -> str:
    if isinstance(column, str):
        return _quoted(column)
    if isinstance(column, ExpressionSpec):
        return f"{column.expression} AS {_quoted(column.as_)}"
    if len(column) != 1:
        raise ProjectError(
            f"{place}.columns: {column} is not a column",
            hint='write a name, {name: new_name}, or {expression: "…", as: name}',
        )
    ((source, renamed),) = column.items()
    return f"{_quoted(source)} AS {_quoted(renamed)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _target(place: str, into: str) -> tuple[str | None, str]:
    """Return schema and table of ``into``: name, schema.name, with [ ] or quotes if odd."""
    if "." not in into and not into.startswith(("[", '"')):
        return None, into
    try:
        table = exp.to_table(into, dialect="tsql")
    except SqlglotError:
        table = None
    if table is None or not table.name or len(table.parts) > _TABLE_PARTS:
        raise ProjectError(
            f"{place}.into: {into!r} is not a table's name",
            hint="write Name or schema.Name; put odd names in [brackets]",
        )
    return table.db or None, table.name
