"""A control plane for tests, with people of every role."""

from collections.abc import Mapping

from standins.clocks import VirtualClock
from syncline.control.access import ROLES, Actor
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec
from syncline.control.store.database import Store
from syncline.control.vault import vault_of

KEY = "a key for tests that is long enough"
SECRET = "canary-7f3a-never-to-be-seen"
CLIO = ConnectionSpec(
    type="api",
    properties={
        "profile": "clio",
        "OAuthClientId": "client",
        "OAuthClientSecret": SECRET,
    },
    labels=("law",),
)
LAKE = ConnectionSpec(type="duckdb", properties={"Database": "lake.duckdb"})


def actor(role: str) -> Actor:
    return Actor(name=role, via="test", policies=ROLES[role], roles=(role,))


ADMIN, EDITOR, OPERATOR, VIEWER = map(actor, ("admin", "editor", "operator", "viewer"))


def plane_of(store: Store, clock: VirtualClock | None = None) -> Plane:
    return Plane(store=store, vault=vault_of([KEY]), clock=clock or VirtualClock())


def people() -> Mapping[str, Actor]:
    return {a.name: a for a in (ADMIN, EDITOR, OPERATOR, VIEWER)}
