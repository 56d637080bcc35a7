"""Connections of the store: made, listed, looked at, changed, deleted; secrets never come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping, delete, func, insert, or_, select, update

from syncline.control.differences import differences
from syncline.control.fetching import obtain_profile
from syncline.control.paging import (
    Page,
    Wanted,
    allowed,
    counted,
    labelled,
    ordered,
    page_bounds,
    searched,
)
from syncline.control.plane import MASK, Work
from syncline.control.project import ConnectionSpec, ObjectName, OpenedConnection
from syncline.control.references import is_sealed, substituted
from syncline.control.sealing import Parted, checked, merged, nested, parted, sealed, secret_names
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import connection_labels
from syncline.errors import Conflict, InUse, Invalid, Missing, NameTaken

_NAME: TypeAdapter[str] = TypeAdapter(ObjectName)
_MANY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection as people may see it."""

    id: str
    name: str
    type: str
    description: str
    labels: tuple[str, ...]
    #: By canonical name, without secrets; references such as ``${NAME}`` are shown.
    properties: Mapping[str, object]
    #: Names of the secrets that are set.
    secrets: tuple[str, ...]
    #: Somebody has signed in, for APIs with OAuth.
    signed_in: bool
    #: ``ok``, ``failed`` or None: what the last test said.
    status: str | None
    tested_at: datetime | None
    test_error: str | None
    changed_at: datetime
    changed_by: str
    version: int
    #: How many jobs use it.
    jobs: int = 0

    @property
    def spec(self) -> ConnectionSpec:
        """The connection as a project file has it, secrets masked."""
        masked = dict.fromkeys(self.secrets, MASK)
        return ConnectionSpec.model_construct(
            type=self.type,
            properties=nested({**self.properties, **masked}),
            description=self.description,
            labels=self.labels,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEdit:
    """What a connection is to be; None: stays as it is.

    ``properties`` replaces all that are no secrets; a secret that is absent, empty or masked
    stays, unless ``remove`` names it.
    """

    properties: Mapping[str, Any] | str | None = field(default=None, repr=False)
    remove: frozenset[str] = frozenset()
    description: str | None = None
    labels: tuple[str, ...] | None = None
    #: The version that the editor saw; None: whatever it is.
    version: int | None = None


async def create_connection(work: Work, name: str, spec: ConnectionSpec) -> Connection:
    """Keep a new connection. Needs connections.edit.

    Raises `NameTaken`, `Invalid`, `PropertyError`, `ProfileError`.
    """
    work.actor.require("connections.edit", name, spec.labels)
    checked_name(name)
    if await _row(work, name) is not None:
        raise NameTaken(
            f"there is a connection {name!r} already", hint="choose another name, or edit that one"
        )
    await obtain_profile(spec.properties, work.reach)
    parts = parted(spec)
    _check(spec.type, parts.shown, parts.secret)
    row = {
        "id": work.new_id(),
        "name": name,
        "folded": name.lower(),
        "type": spec.type,
        "description": spec.description,
        "properties": dict(parts.shown),
        "sealed": _sealed(work, parts.secret),
        "version": 1,
        "created_at": work.now,
        "changed_at": work.now,
        "changed_by": work.actor.name,
    }
    await work.connection.execute(insert(connections).values(row))
    await _put_labels(work, str(row["id"]), spec.labels)
    made = await get_connection(work, name, permission="connections.edit")
    await work.record("connections.create", "connection", name, differences({}, _facts(made)))
    return made


async def list_connections(
    work: Work, wanted: Wanted | None = None, *, role: str = "", type_: str = ""
) -> Page[Connection]:
    """Return a page of the connections that the actor may see.

    ``role``: ``source`` or ``destination``; order by name, type, status, changed_at, tested_at.
    """
    wanted = wanted or Wanted()
    offset, limit = page_bounds(wanted)
    c, label = connections.c, connection_labels.c
    query = select(connections).where(
        searched(wanted.search, c.name, c.description, c.type),
        *labelled(wanted.labels, c.id, label.connection_id, label.label),
    )
    limits = work.actor.limits("connections.view")
    seen = allowed(limits, c.name, c.id, label.connection_id, label.label)
    if seen is not None:
        query = query.where(seen)
    if role:
        query = query.where(c.type == "api" if role == "source" else c.type != "api")
    if type_:
        query = query.where(c.type == type_)
    columns = {"name": c.folded, "type": c.type, "status": c.status, "changed_at": c.changed_at,
               "tested_at": c.tested_at}  # fmt: skip
    total = await counted(work.connection, query)
    query = query.order_by(*ordered(wanted, columns)).offset(offset).limit(limit)
    rows = (await work.connection.execute(query)).mappings().all()
    found = await _with_labels(work, {str(row["id"]): row for row in rows})
    return Page(items=found, total=total, offset=offset, limit=limit)


async def get_connection(
    work: Work, name: str, *, permission: str = "connections.view"
) -> Connection:
    """Return one connection, secrets masked. Raises `Missing` if the actor may not see it."""
    row = await _row(work, name)
    if row is not None:
        (found,) = await _with_labels(work, {str(row["id"]): row})
        if work.actor.may(permission, found.name, found.labels):
            return found
        if work.actor.may("connections.view", found.name, found.labels):
            work.actor.require(permission, found.name, found.labels)
    raise Missing(f"there is no connection {name!r}", hint="see the list of connections")


async def edit_connection(work: Work, name: str, edit: ConnectionEdit) -> Connection:
    """Change a connection. Needs connections.edit, before and after.

    Raises `Missing`, `Conflict` with the differences if ``edit.version`` is not the newest,
    `Invalid`, `PropertyError`.
    """
    before = await get_connection(work, name, permission="connections.edit")
    row = await _row(work, name)
    assert row is not None  # noqa: S101 (it was there a moment ago, in this transaction)
    labels = before.labels if edit.labels is None else tuple(sorted(set(edit.labels)))
    work.actor.require("connections.edit", name, labels)
    old = Parted(shown=row["properties"], secret=row["sealed"])
    shown, secret = dict(old.shown), dict(old.secret)
    if edit.properties is not None or edit.remove:
        given = nested(old.shown) if edit.properties is None else edit.properties
        spec = spec_of({"type": row["type"], "properties": given})
        await obtain_profile(spec.properties, work.reach)
        new = parted(spec)
        shown, secret = merged(old, new, secret_names(row["type"], new.shown), edit.remove)
        _check(row["type"], shown, secret)
    fresh = {name: value for name, value in secret.items() if old.secret.get(name) != value}
    values = {
        "properties": shown,
        "sealed": secret | _sealed(work, fresh),
        "description": before.description if edit.description is None else edit.description,
    }
    _refuse_old(before, edit, {**_facts(before), **values, "labels": list(labels)})
    await work.connection.execute(
        update(connections)
        .where(connections.c.id == before.id)
        .values(
            **values,
            version=before.version + 1,
            changed_at=work.now,
            changed_by=work.actor.name,
        )
    )
    await _put_labels(work, before.id, labels)
    after = await get_connection(work, name, permission="connections.edit")
    changes = differences(_facts(before), _facts(after))
    changes |= {f"secret.{n}": (MASK if n in old.secret else None, f"{MASK} anew") for n in fresh}
    await work.record("connections.edit", "connection", name, changes)
    return after


async def delete_connection(work: Work, name: str, *, version: int | None = None) -> None:
    """Delete a connection and its tokens. Needs connections.edit.

    Raises `InUse`, and `Conflict` if ``version`` is not the newest.
    """
    found = await get_connection(work, name, permission="connections.edit")
    refuse_old(f"the connection {name}", found.version, version, found.changed_by)
    users = await jobs_using(work, found.id)
    if users:
        more = f" and {len(users) - _MANY} more" if len(users) > _MANY else ""
        raise InUse(
            f"the connection {name} is used by {', '.join(users[:_MANY])}{more}",
            hint="let these jobs use another connection, or delete them first",
        )
    await work.connection.execute(delete(connections).where(connections.c.id == found.id))
    await work.record("connections.delete", "connection", name, differences(_facts(found), {}))


async def jobs_using(work: Work, connection_id: str) -> list[str]:
    """Return the names of the jobs that read from or write to a connection."""
    query = select(jobs.c.name).where(
        or_(jobs.c.source_id == connection_id, jobs.c.destination_id == connection_id)
    )
    return list((await work.connection.scalars(query.order_by(jobs.c.folded))).all())


async def opened_connection(work: Work, name: str) -> OpenedConnection:
    """Return a connection with its secrets opened. Invariant 7: only to connect.

    Values of environment variables are put in. No permission is asked for: whoever calls this
    must have asked for one to test, preview or run. Raises `ProjectError` for a variable that
    is not set, `VaultError`.
    """
    row = await _row(work, name)
    if row is None:
        raise Missing(f"there is no connection {name!r}", hint="see the list of connections")
    opened = _opened(work, name, row["type"], row["properties"], row["sealed"])
    await obtain_profile(opened.properties, work.reach)
    return opened


async def edited_connection(
    work: Work, name: str, spec: ConnectionSpec
) -> tuple[OpenedConnection, str]:
    """Return a connection as it would be after an edit, to test it, and its id; '' for a new one.

    Invariant 7: only to connect.
    """
    await obtain_profile(spec.properties, work.reach)
    row = await _row(work, name) if name else None
    if row is None:
        return _opened(work, name or "new", spec.type, *_parts(parted(spec))), ""
    await get_connection(work, name, permission="connections.edit")
    new = parted(spec)
    old = Parted(shown=row["properties"], secret=row["sealed"])
    shown, secret = merged(old, new, secret_names(row["type"], new.shown))
    return _opened(work, name, row["type"], shown, secret), str(row["id"])


def spec_of(given: Mapping[str, object]) -> ConnectionSpec:
    """Return a connection as it was given. Raises `Invalid`; values are never repeated."""
    try:
        return ConnectionSpec.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{place}: {first['msg']}", hint="see the reference of properties") from None


def checked_name(name: str) -> None:
    """Raise `Invalid` if this cannot be the name of a connection or job."""
    try:
        _NAME.validate_python(name)
    except ValidationError:
        raise Invalid(
            f"{name!r} cannot be a name",
            hint="use letters, digits, '_', '.' and '-', at most 50; begin with a letter, digit "
            "or '_'",
        ) from None


def refuse_old(what: str, newest: int, version: int | None, by: str = "somebody") -> None:
    """Raise `Conflict` if whoever deletes something has seen an older version of it."""
    if version is not None and version != newest:
        raise Conflict(
            f"{by} has changed {what} meanwhile", hint="look at it again before you delete it"
        )


def _sealed(work: Work, secret: Mapping[str, str]) -> dict[str, str]:
    """Seal secrets. Who brings sealed ones could have them sent anywhere without knowing them."""
    if any(is_sealed(value) for value in secret.values()):
        work.actor.require("settings.edit")
    return sealed(work.vault, secret)


def _opened(
    work: Work, name: str, type_: str, shown: Mapping[str, object], secret: Mapping[str, str]
) -> OpenedConnection:
    opened = {k: work.vault.open(v) if is_sealed(v) else v for k, v in secret.items()}
    properties = nested({**substituted(name, shown), **opened})
    given = {"type": type_, "properties": properties, "within": work.reach}
    return OpenedConnection.model_validate(given)


def _parts(given: Parted) -> tuple[Mapping[str, object], Mapping[str, str]]:
    return given.shown, given.secret


def _check(type_: str, shown: Mapping[str, object], secret: Mapping[str, str]) -> None:
    known = secret_names(type_, shown)
    checked(type_, {**shown, **{n: v for n, v in secret.items() if n in known}})


def _refuse_old(before: Connection, edit: ConnectionEdit, yours: Mapping[str, object]) -> None:
    if edit.version is None or edit.version == before.version:
        return
    theirs = _facts(before)
    differ = differences(theirs, {name: yours.get(name) for name in theirs if name in yours})
    raise Conflict(
        f"{before.changed_by} has changed the connection {before.name} meanwhile",
        hint="look at the differences, and save again on top of the newest version",
        differences=tuple((place, *pair) for place, pair in differ.items()),
    )


def _facts(found: Connection) -> dict[str, object]:
    return {
        "type": found.type,
        "description": found.description,
        "labels": list(found.labels),
        "properties": dict(found.properties),
        "secrets": list(found.secrets),
    }


async def _row(work: Work, name: str) -> RowMapping | None:
    query = select(connections).where(connections.c.folded == name.lower())
    return (await work.connection.execute(query)).mappings().one_or_none()


async def _put_labels(work: Work, owner: str, labels: tuple[str, ...]) -> None:
    c = connection_labels.c
    await work.connection.execute(delete(connection_labels).where(c.connection_id == owner))
    if labels:
        rows = [{"connection_id": owner, "label": label} for label in labels]
        await work.connection.execute(insert(connection_labels), rows)


async def _with_labels(work: Work, rows: Mapping[str, RowMapping]) -> tuple[Connection, ...]:
    if not rows:
        return ()
    label = connection_labels.c
    query = select(label.connection_id, label.label).where(label.connection_id.in_(rows))
    labels: dict[str, list[str]] = {}
    for owner, word in (await work.connection.execute(query.order_by(label.label))).all():
        labels.setdefault(owner, []).append(word)
    used: dict[str, int] = {}
    for column in (jobs.c.source_id, jobs.c.destination_id):
        counts = select(column, func.count()).where(column.in_(rows)).group_by(column)
        for owner, count in (await work.connection.execute(counts)).all():
            used[owner] = used.get(owner, 0) + count
    return tuple(
        _connection(row, tuple(labels.get(key, ())), used.get(key, 0)) for key, row in rows.items()
    )


def _connection(row: RowMapping, labels: tuple[str, ...], used: int) -> Connection:
    return Connection(
        id=row["id"],
        name=row["name"],
        type=row["type"],
        description=row["description"],
        labels=labels,
        properties=row["properties"],
        secrets=tuple(sorted(row["sealed"])),
        signed_in=row["tokens"] is not None,
        status=row["status"],
        tested_at=row["tested_at"],
        test_error=row["test_error"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        version=row["version"],
        jobs=used,
    )
