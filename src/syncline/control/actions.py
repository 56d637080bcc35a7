"""Does one thing that is to be done before or after a run or task."""

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from syncline.control.action_specs import ActionSpec, HttpSpec
from syncline.control.commands import run_command
from syncline.control.references import VARIABLE
from syncline.control.requests import request
from syncline.errors import Invalid, ProjectError, QueryError
from syncline.load.checkpoint import prepare
from syncline.model.ports import Destination, Merged
from syncline.model.reach import Reach

_OURS = re.compile(r"^SYNCLINE_", re.IGNORECASE)
_SHORT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an action is done, and what for."""

    job: str
    run: str
    #: Target table of the task; '': the run as a whole.
    task: str
    #: before or after.
    phase: str
    #: How it ended; '' before.
    state: str
    #: The same for the same action of the same run, however often it is done.
    mark: str
    destination: Callable[[], Awaitable[Destination]]
    #: Starts a job; returns what became of that.
    start: Callable[[str], Awaitable[str]]
    reach: Reach
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def facts(self) -> dict[str, str]:
        """What others are told about it."""
        known = {"job": self.job, "run": self.run, "task": self.task, "phase": self.phase,
                 "state": self.state}  # fmt: skip
        return {name: value for name, value in known.items() if value}


def title_of(action: ActionSpec) -> str:
    """Return what an action is, for people. Addresses and statements may hold secrets."""
    match action.kind:
        case "sql":
            return "SQL on the destination"
        case "http":
            return "request"
        case "job":
            return f"start of the job {action.job}"
        case _:
            return f"command {(action.command or '').split()[0]}"


async def perform(action: ActionSpec, place: Place) -> str:
    """Do it; return what came of it, in a line. Raises `SynclineError`."""
    if action.sql is not None:
        return await _sql(action.sql, place)
    if action.http is not None:
        return await _http(action.http, action.timeout, place)
    if action.job is not None:
        return await place.start(action.job)
    more = {f"RUN_{name.upper()}": value for name, value in place.facts.items()}
    said = await run_command(
        action.command or "", folder=action.folder, more=more, environment=place.environment
    )
    return said or "it said nothing"


async def _sql(text: str, place: Place) -> str:
    destination = await place.destination()
    try:
        try:
            parsed = sqlglot.parse(text, dialect=destination.traits.dialect)
        except SqlglotError as error:
            raise QueryError(
                f"the SQL cannot be read: {str(error).partition(chr(10))[0][:_SHORT]}",
                hint="it is in the destination's dialect, with semicolons between statements",
            ) from None
        statements = [each for each in parsed if isinstance(each, exp.Expression)]
        if not statements:
            raise QueryError("there is no statement in the SQL", hint="write one, or remove it")
        schema = destination.traits.schema
        # As before a task is loaded: it may be the first thing that is ever done there.
        await prepare(destination, schema)
        changed = await destination.execute([_in_schema(each, schema) for each in statements])
    finally:
        await destination.aclose()
    rows = sum(_rows(one) for one in changed)
    return f"{len(statements)} statement{'s' * (len(statements) > 1)}, {rows:,} rows changed"


async def _http(spec: HttpSpec, patience: float, place: Place) -> str:
    headers = {name: _filled(value, place) for name, value in spec.headers.items()}
    known = {name.lower() for name in headers}
    # Whoever knows such marks does it once, however often we ask.
    if "idempotency-key" not in known:
        headers["Idempotency-Key"] = place.mark
    if spec.body is not None:
        body: bytes | None = _filled(spec.body, place).encode()
    elif spec.method in {"GET", "DELETE"}:
        body = None
    else:
        body = json.dumps(place.facts).encode()
        if "content-type" not in known:
            headers["Content-Type"] = "application/json"
    url = _filled(spec.url, place)
    if not url.lower().startswith(("http://", "https://")):
        raise Invalid("the address is no http address", hint="write https://host/path")
    status = await request(
        spec.method, url, headers, body, reach=place.reach, timeout=min(patience, 120.0)
    )
    return f"the answer was {status}"


def _filled(text: str, place: Place) -> str:
    """Return a text with variables of the environment put in, but none of our own."""

    def variable(match: Any) -> str:
        name = match[1]
        if _OURS.match(name) or name not in place.environment:
            raise ProjectError(
                f"the environment variable {name} is not set"
                if not _OURS.match(name)
                else f"an action cannot use the variable {name}",
                hint="set it on every node"
                if not _OURS.match(name)
                else "variables that begin with SYNCLINE_ are Syncline's own",
            )
        return place.environment[name]

    return VARIABLE.sub(variable, text)


def _in_schema(statement: exp.Expression, schema: str) -> exp.Expression:
    """Put tables that are named without schema where those of tasks are."""
    own = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    for table in list(statement.find_all(exp.Table)):
        named = isinstance(table.this, exp.Identifier) and not table.db
        if named and table.name.lower() not in own and not _temporary(statement):
            table.set("db", exp.to_identifier(schema, quoted=True))
    return statement


def _temporary(statement: exp.Expression) -> bool:
    return statement.find(exp.TemporaryProperty) is not None


def _rows(changed: int | Merged) -> int:
    if isinstance(changed, Merged):
        return changed.inserted + changed.updated + changed.deleted
    return max(changed, 0)
