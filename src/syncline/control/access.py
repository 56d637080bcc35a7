"""Who may do what: permissions, roles made of policies, and the actor of every use case."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from syncline.errors import Forbidden

#: Every permission, and what it allows.
PERMISSIONS: Mapping[str, str] = {
    "connections.view": "See connections, without their secrets.",
    "connections.edit": "Create, change, test, authorize and delete connections.",
    "jobs.view": "See jobs, tasks and schedules.",
    "jobs.edit": "Create, change and delete jobs, tasks and schedules.",
    "jobs.run": "Start and cancel runs, pause and resume jobs.",
    "runs.view": "See runs, their events and logs.",
    "settings.view": "See what holds for the whole installation.",
    "settings.edit": "Change what holds for the whole installation.",
    "users.view": "See users and roles.",
    "users.edit": "Invite, change and delete users and roles.",
    "audit.view": "See who changed what.",
}
#: Those that can be limited to some jobs or connections.
LIMITED = (
    "connections.view",
    "connections.edit",
    "jobs.view",
    "jobs.edit",
    "jobs.run",
    "runs.view",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Permissions on some jobs and connections, or on all."""

    #: Names of permissions; ``*`` for all, ``jobs.*`` for a group.
    permissions: tuple[str, ...]
    #: Patterns of names with ``*``; empty: of any name.
    names: tuple[str, ...] = ()
    #: At least one of these labels; empty: with any labels or none.
    labels: tuple[str, ...] = ()

    @property
    def unlimited(self) -> bool:
        """Holds for every job and connection."""
        return not self.names and not self.labels

    def allows(self, permission: str) -> bool:
        """Return whether the permission is among those that the policy gives."""
        return any(fnmatchcase(permission, pattern) for pattern in self.permissions)

    def covers(self, name: str, labels: Iterable[str]) -> bool:
        """Return whether the policy holds for a job or connection."""
        by_name = not self.names or any(
            fnmatchcase(name.lower(), literal(pattern)) for pattern in self.names
        )
        return by_name and (not self.labels or not set(self.labels).isdisjoint(labels))


_VIEW = ("connections.view", "jobs.view", "runs.view")
#: The roles that are part of Syncline.
ROLES: Mapping[str, tuple[Policy, ...]] = {
    "admin": (Policy(permissions=("*",)),),
    "editor": (Policy(permissions=("connections.*", "jobs.*", "runs.view", "settings.view")),),
    "operator": (Policy(permissions=(*_VIEW, "jobs.run")),),
    "viewer": (Policy(permissions=_VIEW),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever acts: a person in a browser, a token, the command line, a schedule."""

    name: str
    #: How the actor came in: ``web``, ``token NAME``, ``command line``, ``schedule``.
    via: str
    policies: tuple[Policy, ...] = field(default=(), repr=False)
    #: None: no user of the store, such as the command line.
    user_id: str | None = None
    roles: tuple[str, ...] = ()
    #: Of a token: the permissions that it is limited to; None: not limited.
    scopes: tuple[str, ...] | None = None

    def may(self, permission: str, name: str | None = None, labels: Iterable[str] = ()) -> bool:
        """Return whether the actor may do this: to one thing, or without a name at all."""
        if permission not in PERMISSIONS:
            raise ValueError(f"there is no permission {permission!r}")
        labels = tuple(labels)
        return self._in_scope(permission) and any(
            policy.allows(permission) and (name is None or policy.covers(name, labels))
            for policy in self.policies
        )

    def require(self, permission: str, name: str | None = None, labels: Iterable[str] = ()) -> None:
        """Raise `Forbidden` unless the actor `may`."""
        if not self.may(permission, name, labels):
            on = f" on {name}" if name else ""
            raise Forbidden(
                f"{self.name} does not have the permission {permission}{on}",
                hint="ask an administrator for a role that has it",
            )

    def limits(self, permission: str) -> tuple[Policy, ...] | None:
        """Return the policies that limit a permission to some things; None: all things."""
        if not self._in_scope(permission):
            return ()
        giving = tuple(policy for policy in self.policies if policy.allows(permission))
        return None if any(policy.unlimited for policy in giving) else giving

    def _in_scope(self, permission: str) -> bool:
        return self.scopes is None or any(fnmatchcase(permission, s) for s in self.scopes)


def literal(pattern: str) -> str:
    """Return a pattern of ``fnmatch`` in which only ``*`` is special."""
    return pattern.lower().replace("[", "[[]").replace("?", "[?]")


#: Acts on its own: schedules, taking over runs, picking up new tables.
SYNCLINE = Actor(name="syncline", via="schedule", policies=ROLES["admin"], roles=("admin",))
