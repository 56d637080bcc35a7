"""The list of connections."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from syncline.control.forms import offers
from syncline.control.paging import Wanted
from syncline.control.usecases.authorizing import remove_connection
from syncline.control.usecases.connections import Connection, list_connections
from syncline.web.frame import heading
from syncline.web.listing import Action, Column, Fetched, Listing
from syncline.web.parts import confirmed, empty, link_button
from syncline.web.visitor import Visitor, done
from syncline.web.wording import ago, kind_of, many

TITLES = {
    "api": "API", "duckdb": "DuckDB", "postgres": "PostgreSQL", "sqlserver": "SQL Server",
    "databricks": "Databricks",
}  # fmt: skip
_COLUMNS = (
    Column(name="name", label="Name", kind="two", order="name"),
    Column(name="type", label="Type", order="type"),
    Column(name="status", label="Status", kind="state", order="status"),
    Column(name="tested", label="Last test", order="tested_at"),
    Column(name="jobs", label="Used by"),
    Column(name="labels", label="Labels", kind="labels"),
    Column(name="changed", label="Changed", order="changed_at"),
)


#: What can be connected to does not change while a server runs.
known_offers = cache(offers)


async def listed(visitor: Visitor, _: Request) -> None:
    """Build the page."""
    may_edit = visitor.may("connections.edit")
    with heading("Connections", under="Where data comes from, and where it goes."):
        if may_edit:
            link_button("Add Connection", "/connections/new", icon="add", main=True)
    async with visitor.looking() as work:
        some = (await list_connections(work, Wanted(limit=1))).total
    with ui.element("section").classes("card"):
        if not some:
            with empty(
                "power",
                "No connections yet",
                "A connection holds what is needed to reach an API or a database. You need one of "
                "each: a source to read from and a destination to write to.",
            ):
                if may_edit:
                    link_button("Add Connection", "/connections/new", icon="add", main=True)
            return

        async def fetch(wanted: Wanted) -> Fetched:
            async with visitor.looking() as work:
                page = await list_connections(work, wanted)
            return [_row(c, visitor) for c in page.items], page.total

        async def act(action: str, name: str) -> None:
            if action == "delete" and await confirmed(
                f"Delete {name}?",
                "Its settings and secrets are removed. Data that was replicated with it stays.",
                "Delete Connection",
            ):

                async def delete() -> None:
                    await remove_connection(visitor.plane, await visitor.who(), name)

                if await visitor.attempt(delete):
                    done(f"{name} is deleted")
                    await shown.refresh()

        actions = (Action(name="delete", label="Delete", icon="delete"),) if may_edit else ()
        shown = Listing(
            _COLUMNS, fetch, noun="connections", order="name", actions=actions, on_action=act
        )
        await shown.refresh()


def type_title(connection: Connection) -> str:
    """Return what a connection is: a database's name, or an API's profile."""
    profile = str(connection.properties.get("Profile", ""))
    if not profile:
        return TITLES[connection.type]
    return _titles().get(profile.lower()) or profile.rpartition("/")[2].removesuffix(".yaml")


@cache
def _titles() -> Mapping[str, str]:
    return {offer.profile.lower(): offer.title for offer in known_offers() if offer.profile}


def _row(connection: Connection, visitor: Visitor) -> Mapping[str, Any]:
    status = {"ok": "successful", "failed": "failed", None: "not tested"}[connection.status]
    return {
        "key": connection.name,
        "name": connection.name,
        "name_url": f"/connections/{quote(connection.name)}",
        "name_under": connection.description,
        "type": type_title(connection),
        "status": status,
        "status_kind": kind_of(connection.status or ""),
        "tested": ago(connection.tested_at, visitor.now, visitor.zone),
        "jobs": many(connection.jobs, "job") if connection.jobs else "no job",
        "labels": list(connection.labels),
        "changed": ago(connection.changed_at, visitor.now, visitor.zone),
    }
