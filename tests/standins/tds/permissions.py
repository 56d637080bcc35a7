"""Logins, users and what they may do."""

from dataclasses import dataclass, field
from typing import Any

from standins.tds.catalog import Grant, Table
from standins.tds.errors import ServerError

_ROLES = {
    "db_datareader": frozenset({"SELECT"}),
    "db_datawriter": frozenset({"INSERT", "UPDATE", "DELETE"}),
    "db_ddladmin": frozenset({"ALTER", "CREATE TABLE", "CREATE VIEW", "CREATE SCHEMA"}),
    "db_owner": frozenset({"CONTROL"}),
}
_DENYING = {
    "db_denydatareader": frozenset({"SELECT"}),
    "db_denydatawriter": frozenset({"INSERT", "UPDATE", "DELETE"}),
}


@dataclass(slots=True)
class User:
    """A login's user in one database; grants are on the database (``""``) or a schema."""

    name: str
    roles: set[str] = field(default_factory=set)
    grants: dict[str, list[Grant]] = field(default_factory=dict)


@dataclass(slots=True)
class Login:
    """A login; administrators may do everything."""

    name: str
    password: str
    administrator: bool = False
    users: dict[str, User] = field(default_factory=dict)

    @staticmethod
    def load(content: dict[str, Any]) -> "Login":
        """Return the login that was written down as a dictionary."""
        users = {
            database: User(
                name=user["name"],
                roles=set(user["roles"]),
                grants={k: [Grant(**g) for g in v] for k, v in user["grants"].items()},
            )
            for database, user in content["users"].items()
        }
        return Login(content["name"], content["password"], content["administrator"], users)

    def may_open(self, database: str) -> bool:
        """Tell whether it may use a database."""
        return self.administrator or database == "master" or database in self.users

    def user(self, database: str) -> User | None:
        """Return its user in a database; None for administrators."""
        return None if self.administrator else self.users.get(database, User(name="guest"))


def allowed(user: User | None, permission: str, table: Table | None, schema: str = "dbo") -> bool:
    """Tell whether a user has a permission on a table, or on a schema if there is no table."""
    if user is None or (table and table.is_temporary):
        return True
    if any(permission in _DENYING.get(role, ()) for role in user.roles):
        return False
    places = [user.grants.get("", []), user.grants.get((table.schema if table else schema), [])]
    if table:
        places.append([g for g in table.grants if g.user.lower() == user.name.lower()])
    covering = [g for place in places for g in place if g.permission in {permission, "CONTROL"}]
    if any(g.denied for g in covering):
        return False
    by_role = any({permission, "CONTROL"} & _ROLES.get(role, frozenset()) for role in user.roles)
    return bool(covering) or by_role


def visible(user: User | None, table: Table) -> bool:
    """Tell whether a user sees a table in the catalog."""
    kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "ALTER")
    return any(allowed(user, kind, table) for kind in kinds)


def demand(user: User | None, permission: str, table: Table) -> None:
    """Raise 229 unless the user has the permission on the table."""
    if not allowed(user, permission, table):
        raise ServerError(
            229, f"The {permission} permission was denied on the object '{table.name}', database "
            f"'{table.database}', schema '{table.schema}'."
        )  # fmt: skip


def demand_database(user: User | None, permission: str, database: str, schema: str) -> None:
    """Raise 262 or 2760 unless the user may create such things in the schema."""
    if not allowed(user, permission, None, ""):
        raise ServerError(262, f"{permission} permission denied in database '{database}'.")
    if permission != "CREATE SCHEMA" and not allowed(user, "ALTER", None, schema):
        raise ServerError(
            2760, f'The specified schema name "{schema}" either does not exist or you do not have '
            "permission to use it."
        )  # fmt: skip


def demand_alter(user: User | None, table: Table) -> None:
    """Raise 1088 unless the user may alter the table."""
    if not allowed(user, "ALTER", table):
        raise ServerError(
            1088, f'Cannot find the object "{table.shown_name}" because it does not exist or you '
            "do not have permissions."
        )  # fmt: skip
