"""Secrets sealed anew when there is a newer key."""

from sqlalchemy import select, update

from syncline.control.plane import Work
from syncline.control.references import is_sealed
from syncline.control.sealing import sealed
from syncline.control.store.connections import connections
from syncline.control.store.hooks import hooks
from syncline.control.store.notifications import channels


async def reseal(work: Work) -> int:
    """Seal every secret with the newest key; return how many had an older one.

    Needs settings.edit.
    """
    work.actor.require("settings.edit")
    c, count, vault = connections.c, 0, work.vault
    # Who renews tokens meanwhile waits: older ones would take the place of theirs.
    query = select(c.id, c.sealed, c.tokens).with_for_update()
    for row in (await work.connection.execute(query)).mappings().all():
        stale = {n: v for n, v in row["sealed"].items() if vault.stale(v)}
        tokens = row["tokens"]
        old_tokens = tokens is not None and vault.stale(tokens)
        if not stale and not old_tokens:
            continue
        count += len(stale) + old_tokens
        values: dict[str, object] = {"sealed": row["sealed"] | sealed(vault, stale)}
        if old_tokens:
            values["tokens"] = vault.seal(vault.open(tokens))
        await work.connection.execute(update(connections).where(c.id == row["id"]).values(values))
    urls = select(channels.c.id, channels.c.url)
    for channel, url in (await work.connection.execute(urls)).all():
        if is_sealed(url) and vault.stale(url):
            count += 1
            fresh = {"url": vault.seal(vault.open(url))}
            await work.connection.execute(
                update(channels).where(channels.c.id == channel).values(fresh)
            )
    shared = select(hooks.c.id, hooks.c.secret).where(hooks.c.secret.is_not(None))
    for hook, secret in (await work.connection.execute(shared)).all():
        if vault.stale(secret):
            count += 1
            again = {"secret": vault.seal(vault.open(secret))}
            await work.connection.execute(update(hooks).where(hooks.c.id == hook).values(again))
    await work.record("settings.reseal", "vault", vault.keys[0].name, {"secrets": (None, count)})
    return count
