"""Locks on tables and application locks: waiting, time limits and deadlocks."""

import threading
import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

from standins.tds.errors import Cancelled

Mode = Literal["stable", "shared", "update", "exclusive"]
Scope = Literal["transaction", "session"]

#: Readers that keep nothing, readers that keep what they read, writers, and changes of a table.
_COMPATIBLE = frozenset(
    {
        ("stable", "stable"),
        ("stable", "shared"),
        ("shared", "stable"),
        ("stable", "update"),
        ("update", "stable"),
        ("shared", "shared"),
    }
)
_LOOK_AGAIN = 0.1


class LockTimeout(Exception):
    """The lock was not free in time."""


class Deadlock(Exception):
    """The holders wait for this owner."""


class Owner(Protocol):
    """Who holds locks: a session."""

    @property
    def cancelled(self) -> threading.Event:
        """Set when waiting is to end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    owner: Owner
    mode: Mode
    scope: Scope


@dataclass(slots=True)
class _Resource:
    held: list[_Held] = field(default_factory=list)


class Locks:
    """All locks of the server."""

    def __init__(self, longest_wait: float = 60.0) -> None:
        self._changed = threading.Condition()
        self._resources: dict[str, _Resource] = {}
        self._waiting: dict[int, set[int]] = {}
        # A test that locks itself out must fail, not hang.
        self._longest_wait = longest_wait

    def acquire(
        self,
        owner: Owner,
        resource: str,
        mode: Mode,
        *,
        scope: Scope = "transaction",
        wait: float | None = None,
    ) -> bool:
        """Take a lock; return whether it had to be waited for. ``stable`` is not kept.

        ``wait`` is in seconds, None for as long as the server allows. Raises `LockTimeout`,
        `Deadlock` and `Cancelled`.
        """
        limit = self._longest_wait if wait is None else wait
        end = time.monotonic() + limit
        waited = False
        with self._changed:
            try:
                while blockers := self._blockers(owner, resource, mode):
                    self._waiting[id(owner)] = blockers
                    self._check(owner, end)
                    waited = True
                    self._changed.wait(min(_LOOK_AGAIN, max(0.0, end - time.monotonic())))
            finally:
                self._waiting.pop(id(owner), None)
            if mode != "stable":
                entry = _Held(owner=owner, mode=mode, scope=scope)
                self._resources.setdefault(resource, _Resource()).held.append(entry)
        return waited

    def _check(self, owner: Owner, end: float) -> None:
        if owner.cancelled.is_set():
            raise Cancelled
        if self._in_cycle(id(owner)):
            raise Deadlock
        if time.monotonic() >= end:
            raise LockTimeout

    def release(self, owner: Owner, resource: str, scope: Scope) -> bool:
        """Give back one lock; return whether it was held."""
        with self._changed:
            held = self._resources.get(resource, _Resource()).held
            for entry in held:
                if entry.owner is owner and entry.scope == scope:
                    held.remove(entry)
                    self._changed.notify_all()
                    return True
        return False

    def release_all(self, owner: Owner, scope: Scope | None = None) -> None:
        """Give back all locks of a scope, or of both."""
        with self._changed:
            for name in list(self._resources):
                resource = self._resources[name]
                resource.held = [
                    e
                    for e in resource.held
                    if e.owner is not owner or (scope is not None and e.scope != scope)
                ]
                if not resource.held:
                    del self._resources[name]
            self._changed.notify_all()

    def mode(self, owner: Owner, resource: str, scope: Scope) -> Mode | None:
        """Return the mode in which the owner holds a resource."""
        with self._changed:
            held = self._resources.get(resource, _Resource()).held
            modes = {e.mode for e in held if e.owner is owner and e.scope == scope}
        order: tuple[Mode, ...] = ("exclusive", "update", "shared")
        return next((mode for mode in order if mode in modes), None)

    def _blockers(self, owner: Owner, resource: str, mode: Mode) -> set[int]:
        held = self._resources.get(resource, _Resource()).held
        return {
            id(e.owner) for e in held if e.owner is not owner and (mode, e.mode) not in _COMPATIBLE
        }

    def _in_cycle(self, start: int) -> bool:
        seen: set[int] = set()
        ahead = set(self._waiting.get(start, ()))
        while ahead:
            if start in ahead:
                return True
            seen |= ahead
            ahead = {n for a in ahead for n in self._waiting.get(a, ())} - seen
        return False
