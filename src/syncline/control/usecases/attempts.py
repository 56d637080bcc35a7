"""Attempts to sign in: a few at once, then as many as a person types; for names and addresses."""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from syncline.control.access import SYNCLINE
from syncline.control.plane import Plane, Work
from syncline.control.store.users import attempts
from syncline.errors import TooManyAttempts

#: For each kind of key: attempts at once, and seconds until one comes back.
#: By name alone many are allowed: nobody shall lock others out.
_BUCKETS = {"both": (5, 60.0), "address": (30, 10.0), "name": (50, 30.0)}
_FORGOTTEN = timedelta(days=1)


async def spend(plane: Plane, name: str, address: str) -> None:
    """Count an attempt, before it is known how it ends. Raises `TooManyAttempts`."""
    wait = 0.0
    async with plane.changing(SYNCLINE) as work:
        c = attempts.c
        await work.connection.execute(delete(attempts).where(c.at < work.now - _FORGOTTEN))
        for kind, key in _keys(name, address).items():
            size, seconds = _BUCKETS[kind]
            row = (
                await work.connection.execute(
                    select(c.left, c.at).where(c.key == key).with_for_update()
                )
            ).one_or_none()
            left = float(size) if row is None else _left(row.left, row.at, work.now, kind)
            if left < 1:
                wait = max(wait, (1 - left) * seconds)
                continue
            values = {"left": left - 1, "at": work.now}
            if row is None:
                await work.connection.execute(insert(attempts).values(key=key, **values))
            else:
                await work.connection.execute(update(attempts).where(c.key == key).values(values))
    if wait:
        raise TooManyAttempts(
            "too many attempts to sign in", hint=f"wait {wait:.0f} seconds", retry_after=wait
        )


async def forgive(work: Work, name: str, address: str) -> None:
    """Forget the failed attempts of whoever has signed in at last."""
    keys = _keys(name, address)
    await work.connection.execute(
        delete(attempts).where(attempts.c.key.in_([keys["both"], keys["name"]]))
    )


def _keys(name: str, address: str) -> dict[str, str]:
    name, address = name.lower()[:100], address[:100]
    keys = {"both": f"both {name} {address}", "name": f"name {name}"}
    return keys | ({"address": f"address {address}"} if address else {})


def _left(left: float, at: datetime, now: datetime, kind: str) -> float:
    size, seconds = _BUCKETS[kind]
    return min(float(size), left + max(0.0, (now - at).total_seconds()) / seconds)
