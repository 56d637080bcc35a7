"""The columns and child tables of records, from their schemas."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from syncline.profile.openapi.document import Document
from syncline.profile.openapi.naming import camel, singular, snake, words
from syncline.profile.openapi.shapes import Shape, shape_of
from syncline.profile.writing import Noted, Plain

#: Of a nested object with a table of its own and more members, those that name it are columns.
_FEW = 6
#: Marks of a version, not of a thing.
_MARKS = re.compile(r"^etag$|^(created|updated)_at$|^(created|updated)At$")
#: Members with these words among their names say what an object is.
_NAMING = frozenset({
    "id", "uuid", "guid", "type", "kind", "name", "title", "label", "subject", "number", "code",
    "key", "slug", "display", "email", "login", "status", "state", "description", "date",
    "amount", "currency", "sign", "start", "end", "due", "role", "first", "last", "identifier",
    "url"
})  # fmt: skip
_NAME = re.compile(r"[^\s.{}\[\]\"']+")
_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A column that a record has."""

    name: str
    path: tuple[str, ...]
    type: str
    values: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Found:
    """What a record's schema makes."""

    #: As profiles have them, with comments.
    columns: dict[str, Plain] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    #: Lists of objects within the record, by path: what the objects look like.
    lists: dict[str, Shape] = field(default_factory=dict)
    #: What has no column, and why.
    left: list[str] = field(default_factory=list)


def columns_of(
    document: Document,
    record: Shape,
    *,
    projected: bool,
    tables: Sequence[frozenset[str]] = (),
    taken: Collection[str] = (),
    lists: bool = True,
) -> Found:
    """Return the columns of a record.

    ``projected``: members within json columns are to be asked for by name. ``tables``: the
    members of records that have tables of their own. ``taken``: names that other columns of the
    table have. ``lists``: json columns may become child tables.
    """
    found = Found()
    used = {name.lower() for name in taken}
    members = {name: shape_of(document, schema) for name, schema in record.members.items()}
    plain_names = {_fitting(n).lower() for n, s in members.items() if not _flattened(s)}
    for name, inner in members.items():
        column = _fitting(name)
        if "." in name or not column:
            found.left.append(f"{name}: such a name cannot be written as a path")
        elif _flattened(inner):
            refers = any(set(inner.members) <= each for each in tables)
            chosen = _naming(document, inner) if refers else None
            names = (column, name)
            _flatten(document, found, names, inner, used=used | plain_names, chosen=chosen)
        elif column.lower() in used:
            found.left.append(f"{name}: another column has this name")
        else:
            _add(document, found, column, name, inner, projected=projected)
            if lists and inner.kind == "array":
                element = shape_of(document, inner.items)
                if element.kind == "object" and element.members:
                    found.lists[name] = element
        used |= {known.lower() for known in found.known}
    return found


def child_name(parent: str, path: str, taken: Collection[str]) -> str:
    """Return the name of a child table: that of one parent, and of its list."""
    used = {name.lower() for name in taken}
    last = camel(path.rsplit(".", 1)[-1])
    one = singular(parent)
    name = last if last.lower().startswith(one.lower()) else f"{one}{last}"
    number, free = 2, name
    while free.lower() in used:
        free, number = f"{name}{number}", number + 1
    return free


def repeated_name(parent: str, column: str, taken: Collection[str]) -> str:
    """Return the name under which a child repeats its parent's key column."""
    prefix = snake(singular(parent))
    name = column if column.startswith(f"{prefix}_") else f"{prefix}_{column}"
    return name if name not in taken else f"parent_{name}"


def _add(
    document: Document, found: Found, column: str, name: str, inner: Shape, *, projected: bool
) -> None:
    type_ = inner.type if inner.kind == "scalar" else "json"
    written: dict[str, Plain] = {"type": type_}
    if column != name:
        written["path"] = name
    if inner.sentence:
        written["description"] = inner.sentence
    if projected and type_ == "json":
        fields = _fields(document, inner)
        if fields:
            written["fields"] = fields
    found.columns[column] = type_ if set(written) == {"type"} else written
    found.known[column] = Known(name=column, path=(name,), type=type_, values=inner.values)


def _flattened(inner: Shape) -> bool:
    return inner.kind == "object" and bool(inner.members)


def _flatten(
    document: Document,
    found: Found,
    names: tuple[str, str],
    inner: Shape,
    *,
    used: Collection[str],
    chosen: Collection[str] | None,
) -> None:
    """Add the members of an object as columns; ``chosen``: only these, None: all.

    ``names``: those of the column and of the member that the object is.
    """
    column, name = names
    shown: dict[str, Plain] = {}
    left: list[str] = []
    for member, schema in inner.members.items():
        shape = shape_of(document, schema)
        own = _fitting(member)
        flat = f"{column}_{own}"
        if "." in member or not own:
            left.append(member)
        elif flat.lower() in used:
            found.left.append(f"{name}.{member}: another column is called {flat}")
        elif chosen is not None and member not in chosen:
            left.append(member)
        else:
            type_ = shape.type if shape.kind == "scalar" else "json"
            path = {} if (column, own) == (name, member) else {"path": f"{name}.{member}"}
            shown[own] = {"type": type_, **path} if path else type_
            found.known[flat] = Known(
                name=flat, path=(name, member), type=type_, values=shape.values
            )
    if not shown:
        # Nothing that it has can be a column.
        found.columns[column] = "json"
        found.known[column] = Known(name=column, path=(name,), type="json")
        return
    written: Plain = {"object": shown}
    note = f"left out of it: {', '.join(left)}" if left else ""
    found.columns[column] = Noted(value=written, above=(f"{name}: {note}",)) if note else written


def _naming(document: Document, inner: Shape) -> Collection[str]:
    """Return the members that say which record is referred to; the rest is in its own table."""
    scalar = [m for m, s in inner.members.items() if shape_of(document, s).kind == "scalar"]
    plain = [m for m in scalar if not _MARKS.search(m)]
    return plain if len(plain) <= _FEW else [m for m in plain if set(words(m)) & _NAMING]


def _fields(document: Document, inner: Shape) -> Sequence[str]:
    """Return the members to ask for within a json column: what is scalar and no mark of change."""
    element = shape_of(document, inner.items) if inner.kind == "array" else inner
    return [
        name
        for name, schema in element.members.items()
        if name != "etag" and shape_of(document, schema).kind == "scalar"
    ]


def _fitting(name: str) -> str:
    """Return a name that columns may have."""
    if len(name) > _LONGEST:
        return ""
    return name if _NAME.fullmatch(name) else "_".join(_NAME.findall(name))
