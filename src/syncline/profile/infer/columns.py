"""Columns, child tables, keys and cursor columns, from the records that were seen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncline.profile.infer.bodies import Record
from syncline.profile.infer.values import looks_decimal, type_of
from syncline.profile.openapi.naming import camel, singular, snake, words
from syncline.profile.writing import QUESTION, Noted, Plain

_NAME = re.compile(r"[^\s.{}\[\]\"']+")
_KEYS = ("id", "uuid", "guid", "gid", "_id", "key", "number", "code")
_CHANGES = {"updated", "modified", "changed", "update", "modification"}


@dataclass(slots=True, kw_only=True)
class Seen:
    """What records were seen to have."""

    #: As profiles have them, with comments.
    columns: dict[str, Plain] = field(default_factory=dict)
    #: Type of every column, and where its value is.
    types: dict[str, str] = field(default_factory=dict)
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    children: dict[str, list[Record]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def columns_seen(records: Sequence[Record]) -> Seen:
    """Return the columns of records, each as wide as all of them need it."""
    seen = Seen()
    names = list(dict.fromkeys(name for record in records for name in record))
    plain = {n for n in names if not _is_object(records, n)}
    for name in names:
        values = [record.get(name) for record in records]
        column = _fitting(name)
        if not column or "." in name:
            seen.left.append(f"{name}: such a name cannot be written as a path")
        elif name not in plain:
            _add_object(seen, column, name, values, plain)
        elif column in seen.types:
            seen.left.append(f"{name}: another column has this name")
        else:
            _add(seen, column, name, values)
    return seen


def key_seen(seen: Seen, records: Sequence[Record], table: str) -> tuple[str | None, list[str]]:
    """Return the column that identifies a record if one does by its name, too, and all that may.

    Those are never null and never equal in the records that were seen.
    """
    unique = [name for name in seen.types if _unique(seen, records, name)]
    stem = snake(singular(table))
    for name in (*_KEYS, f"{stem}_id", f"{stem}Id", f"{stem}_number"):
        if name in unique and seen.types[name] in {"integer", "string"}:
            return name, unique
    return None, unique


def changes_seen(seen: Seen) -> list[str]:
    """Return the columns that may tell when a record changed, the likeliest first."""
    times = [n for n, t in seen.types.items() if t == "datetime" and len(seen.paths[n]) == 1]
    return [n for n in times if set(words(n)) & _CHANGES]


def child_tables(seen: Seen, table: str, key: str) -> dict[str, Plain]:
    """Return the tables made of lists inside the records."""
    found: dict[str, Plain] = {}
    prefix = snake(singular(table))
    for path, elements in seen.children.items():
        inner = columns_seen(elements)
        repeated = key if key.startswith(f"{prefix}_") else f"{prefix}_{key}"
        if repeated in inner.types:
            repeated = f"parent_{repeated}"
        own, _ = key_seen(inner, elements, path)
        last = camel(path)
        name = last if last.lower().startswith(singular(table).lower()) else singular(table) + last
        child: dict[str, Plain] = {"list": path, "parent": {repeated: key}}
        if own is not None:
            child["primary_key"] = [repeated, own]
            child["columns"] = inner.columns
        else:
            why = f"{QUESTION}Which columns identify a row of it? Set primary_key to them."
            child["columns"] = Noted(value=inner.columns, above=(why,))
        if inner.columns:
            found[name] = child
    return found


def cells(seen: Seen, records: Sequence[Record], column: str) -> list[Any]:
    """Return the values of a column."""
    found = []
    for record in records:
        value: Any = record
        for step in seen.paths[column]:
            value = value.get(step) if isinstance(value, Mapping) else None
        found.append(value)
    return found


def _add(seen: Seen, column: str, name: str, values: Sequence[Any]) -> None:
    type_, note = _typed(values)
    written: Plain = type_ if column == name else {"type": type_, "path": name}
    seen.columns[column] = Noted(value=written, above=(note,)) if note else written
    seen.types[column], seen.paths[column] = type_, (name,)
    lists = [v for v in values if isinstance(v, list)]
    elements = [each for one in lists for each in one]
    if elements and all(isinstance(each, Mapping) for each in elements):
        seen.children[name] = elements


def _add_object(seen: Seen, column: str, name: str, values: Sequence[Any], plain: set[str]) -> None:
    objects = [v for v in values if isinstance(v, Mapping)]
    members = list(dict.fromkeys(m for each in objects for m in each))
    shown: dict[str, Plain] = {}
    for member in members:
        own = _fitting(member)
        flat = f"{column}_{own}"
        if not own or "." in member or flat in plain or flat in seen.types:
            seen.left.append(f"{name}.{member}: another column is called {flat}")
            continue
        type_, note = _typed([each.get(member) for each in objects])
        written: Plain = type_
        if (column, own) != (name, member):
            written = {"type": type_, "path": f"{name}.{member}"}
        shown[own] = Noted(value=written, above=(note,)) if note else written
        seen.types[flat], seen.paths[flat] = type_, (name, member)
    if shown:
        seen.columns[column] = {"object": shown}


def _typed(values: Sequence[Any]) -> tuple[str, str]:
    """Return a column's type, and what is to be asked about it; '' for nothing."""
    type_ = type_of(values)
    if type_ is None:
        return "json", f"{QUESTION}Null in every record read: of which type is it?"
    decimal = looks_decimal(values) if type_ == "string" else None
    if decimal is not None:
        digits, scale = max(decimal[0], 12), decimal[1]
        return type_, f"{QUESTION}All are numbers in texts: decimal({digits},{scale}) instead?"
    return type_, ""


def _is_object(records: Sequence[Record], name: str) -> bool:
    values = [record.get(name) for record in records]
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, Mapping) and value for value in known)


def _unique(seen: Seen, records: Sequence[Record], column: str) -> bool:
    if seen.types[column] in {"json", "number", "boolean"}:
        return False
    values = cells(seen, records, column)
    return None not in values and len(set(map(str, values))) == len(values)


def _fitting(name: str) -> str:
    name = name.lstrip("@#")  # as XML's attributes, and the text beside them, are called
    return name if _NAME.fullmatch(name) else "_".join(_NAME.findall(name))
