"""Secrets sealed anew when there is a newer key."""

from sqlalchemy import Table, select, update

from syncline.control.plane import Work
from syncline.control.references import is_sealed
from syncline.control.sealing import sealed
from syncline.control.store.connections import connections
from syncline.control.store.sealed import SEALED_TEXTS


async def reseal(work: Work) -> int:
    """Seal everything with the newest key; return how much had an older one.

    Nothing needs the older ones after that. Needs settings.edit.
    """
    work.actor.require("settings.edit")
    count = await _properties(work)
    for table, name in SEALED_TEXTS:
        count += await _texts(work, table, name)
    await work.record(
        "settings.reseal", "vault", work.vault.keys[0].name, {"secrets": (None, count)}
    )
    return count


async def _properties(work: Work) -> int:
    c, count = connections.c, 0
    for key, held in (await work.connection.execute(select(c.id, c.sealed))).all():
        stale = {name: value for name, value in held.items() if work.vault.stale(value)}
        if stale:
            count += len(stale)
            values = {"sealed": held | sealed(work.vault, stale)}
            await work.connection.execute(update(connections).where(c.id == key).values(values))
    return count


async def _texts(work: Work, table: Table, name: str) -> int:
    vault, count = work.vault, 0
    (key,), column = table.primary_key.columns, table.c[name]
    # Who renews tokens meanwhile waits: older ones would take the place of theirs.
    query = select(key, column).where(column.is_not(None)).with_for_update()
    for row, text in (await work.connection.execute(query)).all():
        if is_sealed(text) and vault.stale(text):
            count += 1
            fresh = {name: vault.seal(vault.open(text))}
            await work.connection.execute(update(table).where(key == row).values(fresh))
    return count
