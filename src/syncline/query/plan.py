"""SQL and tables to a `Plan`: what the source is asked for, and what DuckDB does with it. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from syncline.errors import QueryError
from syncline.model.job import DeclaredColumn
from syncline.model.table import Scan, Table, Value
from syncline.query import catalog, engine, functions, notes, outputs
from syncline.query.clauses import check_clauses, misused, ungrouped
from syncline.query.declared import declare, declared_schema
from syncline.query.dialect import parse
from syncline.query.literals import coerce
from syncline.query.names import resolve
from syncline.query.pointing import Refuse, refusing
from syncline.query.pushdown import Pushed, push
from syncline.query.scans import Reading, readings

_NO_PARAMETERS: Mapping[str, Value] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The first rows that are wanted, of a query that yields them in no order."""

    count: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask the source for, and what DuckDB does with the answers."""

    scans: tuple[Scan, ...]
    #: The name under which the query reads each scan.
    relations: tuple[str, ...]
    #: Canonical: in DuckDB's words, names as the source has them, every column qualified.
    query: exp.Query
    #: Each row of the source gives at most one row, by itself: the query can run page by page,
    #: and cursors pass through it.
    streaming: bool
    #: Of what the query yields.
    schema: pa.Schema
    #: Outputs that identify a row; () if there are none.
    key: tuple[str, ...]
    #: The output that is the table's cursor column: with the key, one version of a row.
    version: str | None
    #: Rows the source marks as deleted are rows like others.
    keep_deleted: bool
    #: For a query of one table that wants some of its rows, whichever: reading can stop early.
    limit: Limit | None
    #: Rows of the system tables the query reads, by relation.
    catalog: Mapping[str, pa.Table]
    #: What is asked of the source, what is not and why, for people.
    notes: tuple[str, ...]
    #: Identity of the content: another query, key or set of columns has another.
    fingerprint: str

    @property
    def incremental(self) -> bool:
        """Only what changed since the last whole pass need be read."""
        return self.streaming and self.scans[0].table.cursor_column is not None

    @property
    def sql(self) -> str:
        """The query as DuckDB runs it."""
        return render(self.query)


def plan(
    sql: str,
    tables: Mapping[str, Table],
    *,
    parameters: Mapping[str, Value] = _NO_PARAMETERS,
    key: Sequence[str] = (),
    columns: Sequence[DeclaredColumn] = (),
    keep_deleted: bool = False,
    now: datetime | None = None,
) -> Plan:
    """Split a query into the part the source answers and the part DuckDB answers.

    ``parameters``: values of ``@name``. ``key``: outputs that identify a row, where the table's
    primary key is not what is wanted. ``columns``: what the outputs are to be, in name and type;
    of all columns of a table, only these. ``keep_deleted``: rows marked as deleted are kept.
    ``now``: what GETDATE() is, so that conditions with it can be asked of the source.

    Raises:
        QueryError: the query cannot be planned; the message points at the word.
    """
    refuse = refusing(sql)
    every = catalog.with_system_tables(tables)
    parsed = functions.name_units(parse(sql, parameters, refuse), refuse)
    check_clauses(parsed, refuse)
    starred = parsed.is_star
    query = resolve(outputs.name_outputs(parsed, refuse), every, refuse)
    query = declare(query, columns, refuse, starred=starred)
    query = functions.translate(query, refuse)
    functions.check_calls(query, engine.known_functions, refuse)
    names = outputs.check_outputs(query, refuse)
    identity = render(query, refuse)
    moving = notes.MOVING in notes.obstacles(query, ())
    query = coerce(_at(query, now), refuse)
    pushed = push(query, every, refuse)
    if not pushed:
        raise refuse("the query reads no table", hint="add FROM and a table of the source")
    reasons = notes.obstacles(query, pushed.values()) + ((notes.MOVING,) if moving else ())
    found = readings(query, pushed, row_by_row=not reasons)
    described = _describe(query, found, refuse)
    if not reasons and not described.per_row():
        reasons = (notes.MOVING if described.moving() else notes.AGGREGATES,)
        found = readings(query, pushed, row_by_row=False)
    streaming = not reasons
    limit = _limit(query) if set(reasons) == {notes.LIMITED} and described.per_row() else None
    scans = _limited(found, tuple(pushed.values()), limit, keep_deleted=keep_deleted)
    schema = outputs.schema_of(names, described.columns, outputs.origins(query, every), refuse)
    if columns:
        schema = declared_schema(schema, columns, refuse)
    chosen = outputs.chosen_key(key, names, refuse)
    table = scans[0].table
    primary = outputs.key_of(query, table) if streaming else ()
    keep = chosen or primary
    return Plan(
        scans=scans,
        relations=tuple(reading.relation for reading in found),
        query=query,
        streaming=streaming,
        schema=schema,
        key=keep,
        version=outputs.output_of(query, table.cursor_column) if streaming else None,
        keep_deleted=keep_deleted,
        limit=limit,
        catalog={
            reading.relation: catalog.rows_of(reading.scan.table, tables).select(
                reading.scan.columns
            )
            for reading in found
            if catalog.is_system(reading.scan.table)
        },
        notes=notes.notes_of(
            query,
            scans,
            tuple(pushed.values()),
            reasons,
            own_key=bool(keep) and set(keep) != set(primary),
        ),
        fingerprint=_fingerprint(identity, scans, keep, keep_deleted=keep_deleted),
    )


def render(query: exp.Expr, refuse: Refuse | None = None) -> str:
    """Return a canonical query in DuckDB's SQL.

    Raises:
        QueryError: DuckDB has no words for a part of it.
    """
    try:
        return query.sql(dialect="duckdb", identify=True, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise (refuse or QueryError)(str(error).splitlines()[0]) from error
    except (AttributeError, TypeError, ValueError) as error:
        # sqlglot's generator trips over calls without the arguments they need, such as YEAR().
        raise (refuse or QueryError)(
            "a part of the query cannot be understood", hint="check the arguments of functions"
        ) from error


def _at(query: exp.Query, now: datetime | None) -> exp.Query:
    """Put the time in the place of GETDATE() and its like, if it is known."""
    if now is None:
        return query
    moment = now.astimezone(UTC)
    instant = exp.cast(exp.Literal.string(moment.isoformat()), exp.DType.TIMESTAMPTZ)
    day = exp.cast(exp.Literal.string(moment.date().isoformat()), exp.DType.DATE)
    for node in list(query.find_all(exp.CurrentTimestamp, exp.CurrentDate)):
        node.replace((day if isinstance(node, exp.CurrentDate) else instant).copy())
    return query


def _describe(query: exp.Query, found: Sequence[Reading], refuse: Refuse) -> engine.Described:
    relations = {reading.relation: reading.scan.schema for reading in found}
    try:
        return engine.describe(render(query, refuse), relations)
    except QueryError as error:
        column = ungrouped(str(error), query)
        if column is not None:
            raise refuse(
                f"{column.name} is neither in GROUP BY nor counted",
                column,
                hint=f"add {column.name} to GROUP BY, or write MAX({column.name})",
            ) from error
        if (blamed := misused(str(error), query)) is not None:
            call, told = blamed
            raise refuse(told, call, hint=error.hint or "CAST makes one type of another") from error
        raise refuse(str(error), hint=error.hint) from error


def _limit(query: exp.Query) -> Limit | None:
    counts = {"limit": 0, "offset": 0}
    for name in counts:
        node = query.args.get(name)
        if node is None:
            if name == "limit":
                return None
            continue
        number = node.args.get("count") if isinstance(node, exp.Fetch) else node.expression
        if not isinstance(number, exp.Literal) or not number.is_int:
            return None
        counts[name] = int(number.this)
    return Limit(count=counts["limit"], offset=counts["offset"])


def _limited(
    found: Sequence[Reading],
    pushed: Sequence[Pushed],
    limit: Limit | None,
    *,
    keep_deleted: bool,
) -> tuple[Scan, ...]:
    """Return the scans; the one of a limited query stops early if no row of it is dropped here."""
    scans = tuple(reading.scan for reading in found)
    if limit is None or not pushed[0].exact:
        return scans
    if scans[0].table.deleted is not None and not keep_deleted:
        return scans
    return (replace(scans[0], limit=limit.count + limit.offset),)


def _fingerprint(
    identity: str, scans: Sequence[Scan], key: Sequence[str], *, keep_deleted: bool
) -> str:
    content = {
        "query": identity,
        "scans": [[scan.table.name, *scan.columns] for scan in scans],
        "key": list(key),
        "keep_deleted": keep_deleted,
    }
    if origins := sorted({scan.table.origin for scan in scans} - {""}):
        content["origins"] = origins
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
