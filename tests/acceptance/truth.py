"""What a target must hold: the sandbox's own rows, put into columns without any code of ours.

Only where a column's value is found, and of which type it is, comes from the profile.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias
from urllib.parse import urlencode

import aiohttp

from acceptance.serving import Watched
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.schema import (
    ApiTable,
    Child,
    ParentFanOut,
    Profile,
    ValueFanOut,
)
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """A record of a list, and what the walk it is from was for."""

    values: Mapping[str, Any]
    walked: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The rows that every table of a profile has now."""

    watched: Watched
    profile: Profile
    session: aiohttp.ClientSession
    #: Further parameters of a table's requests.
    parameters: Mapping[str, Mapping[str, str]]

    async def tables(self) -> AsyncIterator[tuple[str, tuple[str, ...], list[Row]]]:
        """Yield name, primary key and rows of every table, children included."""
        for name, table in self.profile.tables.items():
            records = [r async for r in self._records(name, table)]
            columns = table_columns(self.profile, table)
            # What the API marks as deleted is gone, though the API still lists it.
            alive = [r for r in records if not _deleted(table, r.values)]
            yield name, table.primary_key, [_row(columns, r, r.values) for r in alive]
            for child_name, child in table.children.items():
                inner = child_columns(self.profile, table, child)
                rows = [_row(inner, r, e) for r in records for e in _elements(child, r.values)]
                yield child_name, child.primary_key, rows

    async def _records(self, name: str, table: ApiTable) -> AsyncIterator[_Record]:
        async for walked, path, parameters in self._walks(name, table):
            for values in await self._listed(table, path, parameters):
                yield _Record(values=values, walked=walked)

    async def _walks(
        self, name: str, table: ApiTable
    ) -> AsyncIterator[tuple[Any, str, dict[str, str]]]:
        fixed = {**table.parameters, **self.parameters.get(name, {})}
        match table.fan_out:
            case ParentFanOut(parent=parent, column=column):
                mark = f"{{parent.{column}}}"
                other = self.profile.tables[parent]
                async for above in self._records(parent, other):
                    key = above.values[column]
                    filled = {k: v.replace(mark, str(key)) for k, v in fixed.items()}
                    yield key, table.path.replace(mark, str(key)), filled
            case ValueFanOut(parameter=str(parameter), values=values):
                for value in values:
                    yield value, table.path, {**fixed, parameter: value}
            case _:
                yield None, table.path, fixed

    async def _listed(
        self, table: ApiTable, path: str, parameters: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        if self.profile.name == "Clio":
            return await self._clio(path, {**parameters, "fields": _fields(self.profile, table)})
        return await self._clicktime(path, parameters)

    async def _clio(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Ask for everything, two hundred at a time, as the API's documentation says."""
        token = self.watched.sandbox.issue_token().access_token
        url: str | None = f"{self.watched.url}/api/v4{path}?{urlencode(parameters)}"
        found: list[dict[str, Any]] = []
        while url is not None:
            sent = {"Authorization": f"Bearer {token}"}
            async with self.session.get(url, headers=sent) as answer:
                assert answer.status == 200, await answer.text()
                content = await answer.json()
            found += content["data"]
            url = content["meta"]["paging"].get("next")
        return found

    async def _clicktime(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        sent = {"Authorization": f"Token {DEFAULT_CLICKTIME_TOKEN}"}
        asked = {**parameters, "limit": "1000"}
        url = f"{self.watched.url}/v2{path}"
        async with self.session.get(url, params=asked, headers=sent) as answer:
            assert answer.status == 200, await answer.text()
            content = await answer.json()
        assert content["page"]["count"] == len(content["data"])
        return list(content["data"])


def as_seen(column: FlatColumn, value: Any) -> Any:
    """Return a value of the database as it is compared."""
    return json.loads(value) if column.type == "json" and value is not None else value


def _fields(profile: Profile, table: ApiTable) -> str:
    """Return Clio's ``fields`` for every column of a table and its children."""
    wanted: dict[str, dict[str, None]] = {}
    paths: list[tuple[FlatColumn, tuple[str, ...]]]
    paths = [(c, ()) for c in table_columns(profile, table)]
    for child in table.children.values():
        below = tuple(child.list.split("."))
        paths += [(c, below) for c in child_columns(profile, table, child) if c.origin == "record"]
    for column, below in paths:
        if column.origin != "record":
            continue
        for inner in column.fields or ("",):
            first, *rest = [p for p in (*below, *column.path, inner) if p]
            wanted.setdefault(first, {}).update(dict.fromkeys(rest[:1]))
    return ",".join(f"{n}{{{','.join(m)}}}" if m else n for n, m in wanted.items())


def _deleted(table: ApiTable, values: Mapping[str, Any]) -> bool:
    if table.deleted is None:
        return False
    found = values.get(table.deleted.column)
    return found in table.deleted.values if table.deleted.values else bool(found)


def _elements(child: Child, values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found: Any = _at(values, child.list.split("."))
    yield from found or ()


def _row(columns: Sequence[FlatColumn], record: _Record, own: Mapping[str, Any]) -> Row:
    places = {"record": own, "parent": record.values}
    return {
        column.name: record.walked
        if column.origin == "fan_out"
        else _typed(column.type, _at(places.get(column.origin, {}), column.path))
        for column in columns
    }


def _at(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if path else None


def _typed(type_: str, value: Any) -> Any:
    read = _READ.get(type_.partition("(")[0])
    return value if value is None or read is None else read(value)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


#: By type: a value as Python has it. Other types need not be read.
_READ: Mapping[str, Callable[[Any], Any]] = {
    "datetime": _instant,
    "date": lambda text: date.fromisoformat(text[:10]),
    "time": time.fromisoformat,
    "number": float,
    "scalar": lambda value: value if isinstance(value, str) else json.dumps(value),
    "decimal": lambda value: Decimal(str(value)),
}
