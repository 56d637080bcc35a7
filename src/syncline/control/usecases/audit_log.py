"""The audit log: who changed what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from syncline.control.paging import Page, Wanted, counted, page_bounds, searched
from syncline.control.plane import Work
from syncline.control.store.audit import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change."""

    id: int
    at: datetime
    actor: str
    via: str
    action: str
    kind: str
    name: str
    #: Place -> [before, after].
    changes: Mapping[str, tuple[object, object]]


async def list_audit(
    work: Work,
    wanted: Wanted | None = None,
    *,
    kind: str = "",
    name: str = "",
    actor: str = "",
    before: int | None = None,
) -> Page[Entry]:
    """Return a page of the audit log, newest first. Needs audit.view.

    ``kind`` and ``name``: of what was changed; ``actor``: who changed it; ``before``: id of the
    last entry seen, for pages that stay what they are while others are written.
    """
    work.actor.require("audit.view")
    wanted = wanted or Wanted()
    offset, limit = page_bounds(wanted)
    c = audit.c
    query = select(audit).where(searched(wanted.search, c.actor, c.action, c.name))
    for column, value in ((c.kind, kind), (c.name, name), (c.actor, actor)):
        if value:
            query = query.where(column == value)
    if before is not None:
        query = query.where(c.id < before)
    total = await counted(work.connection, query)
    query = query.order_by(c.id.desc()).offset(offset).limit(limit)
    found = (await work.connection.execute(query)).mappings()
    items = tuple(
        Entry(**{**row, "changes": {k: tuple(v) for k, v in row["changes"].items()}})
        for row in found
    )
    return Page(items=items, total=total, offset=offset, limit=limit)
