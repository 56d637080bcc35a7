"""Settings: one's password and tokens; users, nodes, the audit log, and what this is."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from fastapi import Request
from nicegui import ui

from syncline import __version__
from syncline.control.access import ROLES
from syncline.control.paging import Wanted
from syncline.control.usecases.audit_log import Entry, list_audit
from syncline.control.usecases.cluster import list_nodes
from syncline.control.usecases.signing_in import (
    change_password,
    create_token,
    delete_token,
    list_tokens,
)
from syncline.control.usecases.users import (
    UserEdit,
    delete_user,
    edit_user,
    invite_user,
    list_roles,
    list_users,
    reset_password,
)
from syncline.web import channels, secret_keys
from syncline.web.frame import heading
from syncline.web.listing import Action, Column, Fetched, Listing
from syncline.web.parts import (
    answered,
    answers,
    asking,
    button,
    confirmed,
    facts,
    heading_2,
    state,
)
from syncline.web.visitor import Visitor, done
from syncline.web.wording import ago, moment


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    with heading("Settings"):
        pass
    parts: dict[str, Callable[[], Awaitable[None]]] = {"Profile": partial(_profile, visitor)}
    parts["Tokens"] = partial(_tokens, visitor)
    if visitor.may("users.view"):
        parts["Users"] = partial(_users, visitor, str(request.base_url).rstrip("/"))
    if visitor.may("settings.view"):
        base = str(request.base_url).rstrip("/")
        parts["Notifications"] = partial(channels.build, visitor, base)
    if visitor.may("audit.view"):
        parts["Audit Log"] = partial(_audit, visitor)
    if visitor.may("settings.view"):
        parts["Secrets"] = partial(secret_keys.build, visitor)
    parts["Nodes"] = partial(_nodes, visitor)
    parts["About"] = _about
    wanted = request.query_params.get("tab", "")
    first = next((title for title in parts if title.lower() == wanted), "Profile")
    with ui.element("div").classes("rows"):
        with ui.tabs().props("no-caps align=left outside-arrows mobile-arrows") as tabs:
            for title in parts:
                ui.tab(title)
        with ui.tab_panels(tabs, value=first, animated=False, keep_alive=True):
            for title, build in parts.items():
                with ui.tab_panel(title), ui.element("section").classes("card"):
                    await build()


async def _profile(visitor: Visitor) -> None:
    with ui.element("div").classes("padded rows"):
        facts((("User", visitor.actor.name), ("Roles", ", ".join(visitor.actor.roles))))
        heading_2("Change your password")
        with ui.element("div").classes("form"):
            old = ui.input("Old password", password=True).props("outlined stack-label")
            new = ui.input("New password", password=True).props("outlined stack-label")
            old.props["autocomplete"] = "current-password"
            new.props["autocomplete"] = "new-password"

        async def change() -> None:
            await change_password(visitor.plane, await visitor.who(), old.value, new.value)

        async def save() -> None:
            if await visitor.attempt(change):
                ui.navigate.to("/sign-in")

        with ui.element("div").classes("row-line"):
            button("Change Password", save, main=True)


async def _tokens(visitor: Visitor) -> None:
    async def fetch(_: Wanted) -> Fetched:
        async with visitor.looking() as work:
            found = await list_tokens(work)
        rows = [
            {
                "key": token.id,
                "name": token.name,
                "name_under": f"{token.shown}…",
                "made": ago(token.created_at, visitor.now, visitor.zone),
                "used": ago(token.used_at, visitor.now, visitor.zone),
                "ends": moment(token.expires_at, visitor.zone) if token.expires_at else "never",
                "scopes": ", ".join(token.scopes) if token.scopes is not None else "all of yours",
            }
            for token in found
        ]
        return rows, len(rows)

    async def act(_: str, token_id: str) -> None:
        if not await confirmed(
            "Delete this token?", "Programs that use it stop working.", "Delete"
        ):
            return

        async def delete() -> None:
            async with visitor.changing() as work:
                await delete_token(work, token_id)

        if await visitor.attempt(delete):
            await shown_.refresh()

    async def make() -> None:
        with asking("New API Token") as dialog:
            name = ui.input("What is it for? *").props("outlined stack-label autofocus")
            answers(dialog, "Cancel", "Make Token", lambda: name.value)
        wanted = await answered(dialog)
        if not wanted:
            return
        made: list[str] = []

        async def create() -> None:
            async with visitor.changing() as work:
                made.append((await create_token(work, wanted))[1])

        if await visitor.attempt(create):
            await shown_.refresh()
            await _told_once("Your new token", made[0])

    columns = (
        Column(name="name", label="Token", kind="two"),
        Column(name="scopes", label="Allowed"),
        Column(name="made", label="Made"),
        Column(name="used", label="Last used"),
        Column(name="ends", label="Ends"),
    )
    shown_ = Listing(
        columns, fetch, noun="tokens", order="name", search=False, on_action=act,
        actions=(Action(name="delete", label="Delete", icon="delete"),),
    )  # fmt: skip
    with shown_.tools:
        button("New Token", make, icon="add", main=True)
    await shown_.refresh()


async def _told_once(title: str, secret: str) -> None:
    """Show a secret that is never seen again."""
    with asking(title) as dialog:
        ui.label("Copy it now: it is not shown again.").classes("muted")
        ui.input("Secret", value=secret).props("outlined readonly").classes("mono")
        answers(dialog, "Close", "Copy", lambda: ui.clipboard.write(secret))
    await answered(dialog)


async def _users(visitor: Visitor, base: str) -> None:
    people = _People(visitor, base)
    await people.build()


class _People:
    def __init__(self, visitor: Visitor, base: str) -> None:
        self._visitor = visitor
        self._base = base

    async def build(self) -> None:
        may = self._visitor.may("users.edit")
        columns = (
            Column(name="name", label="User", kind="two", order="name"),
            Column(name="roles", label="Roles"),
            Column(name="state", label="State", kind="state"),
            Column(name="seen", label="Signed in", order="signed_in_at"),
        )
        actions = (
            Action(name="roles", label="Roles of", icon="badge"),
            Action(name="link", label="New link for", icon="link"),
            Action(name="switch", label="Switch on or off", icon="power_settings_new"),
            Action(name="delete", label="Delete", icon="delete"),
        )
        self._list = Listing(
            columns, self._fetch, noun="users", order="name", on_action=self._act,
            actions=actions if may else (),
        )  # fmt: skip
        if may:
            with self._list.tools:
                button("Invite User", self._invite, icon="person_add", main=True)
        await self._list.refresh()

    async def _fetch(self, wanted: Wanted) -> Fetched:
        async with self._visitor.looking() as work:
            page = await list_users(work, wanted)
        rows = []
        for user in page.items:
            word = "off" if not user.enabled else "active" if user.active else "invited"
            rows.append(
                {
                    "key": user.name, "name": user.name, "name_under": user.email,
                    "roles": ", ".join(user.roles), "state": word,
                    "state_kind": {"active": "good", "invited": "busy"}.get(word, "idle"),
                    "seen": ago(user.signed_in_at, self._visitor.now, self._visitor.zone),
                }
            )  # fmt: skip
        return rows, page.total

    async def _roles(self) -> list[str]:
        async with self._visitor.looking() as work:
            return [role.name for role in await list_roles(work)]

    async def _invite(self) -> None:
        with asking("Invite User") as dialog:
            name = ui.input("Name *").props("outlined stack-label autofocus")
            email = ui.input("E-mail").props("outlined stack-label")
            roles = ui.select(await self._roles(), value=["viewer"], label="Roles", multiple=True)
            roles.props("outlined stack-label use-chips")
            answers(dialog, "Cancel", "Invite", lambda: (name.value, email.value, roles.value))
        given = await answered(dialog)
        if not given:
            return
        link: list[str] = []

        async def invite() -> None:
            async with self._visitor.changing() as work:
                link.append((await invite_user(work, given[0], given[2], email=given[1]))[1])

        if await self._visitor.attempt(invite):
            await self._list.refresh()
            await _told_once(f"Send this link to {given[0]}", f"{self._base}/welcome/{link[0]}")

    async def _act(self, action: str, name: str) -> None:
        if action == "delete":
            if await confirmed(f"Delete {name}?", "Their tokens end, too.", "Delete User"):
                await self._change(lambda work: delete_user(work, name))
        elif action == "link":
            link: list[str] = []

            async def reset(work: Any) -> None:
                link.append(await reset_password(work, name))

            if await self._change(reset):
                await _told_once(f"Send this link to {name}", f"{self._base}/welcome/{link[0]}")
        elif action == "switch":
            async with self._visitor.looking() as work:
                found = (await list_users(work, Wanted(search=name))).items
            on = next(user.enabled for user in found if user.name == name)
            await self._change(lambda work: edit_user(work, name, UserEdit(enabled=not on)))
        else:
            await self._put_roles(name)

    async def _put_roles(self, name: str) -> None:
        async with self._visitor.looking() as work:
            found = (await list_users(work, Wanted(search=name))).items
        held = next((list(user.roles) for user in found if user.name == name), [])
        with asking(f"Roles of {name}") as dialog:
            roles = ui.select(await self._roles(), value=held, label="Roles", multiple=True)
            roles.props("outlined stack-label use-chips")
            answers(dialog, "Cancel", "Save Changes", lambda: roles.value)
        given = await answered(dialog)
        if given:
            await self._change(lambda work: edit_user(work, name, UserEdit(roles=tuple(given))))

    async def _change(self, doing: Callable[[Any], Awaitable[object]]) -> bool:
        async def change() -> None:
            async with self._visitor.changing() as work:
                await doing(work)

        changed = await self._visitor.attempt(change)
        if changed:
            done("Done")
            await self._list.refresh()
        return changed


async def _audit(visitor: Visitor) -> None:
    async def fetch(wanted: Wanted) -> Fetched:
        async with visitor.looking() as work:
            page = await list_audit(work, wanted)
        return [_entry(entry, visitor) for entry in page.items], page.total

    columns = (
        Column(name="at", label="When"),
        Column(name="actor", label="Who", kind="two"),
        Column(name="action", label="What", kind="two"),
        Column(name="changes", label="Changes"),
    )
    shown_ = Listing(columns, fetch, noun="changes", order="name")
    await shown_.refresh()


def _entry(entry: Entry, visitor: Visitor) -> Mapping[str, Any]:
    changes = ", ".join(entry.changes)
    return {
        "key": entry.id,
        "at": moment(entry.at, visitor.zone),
        "actor": entry.actor,
        "actor_under": entry.via,
        "action": entry.action,
        "action_under": f"{entry.kind} {entry.name}",
        "changes": changes if len(changes) <= 200 else f"{changes[:199]}…",  # noqa: PLR2004 (lines)
    }


async def _nodes(visitor: Visitor) -> None:
    async with visitor.looking() as work:
        found = await list_nodes(work)
    with ui.element("div").classes("padded"), ui.element("ul").classes("steps"):
        for node in found:
            with ui.element("li").classes("apart"):
                with ui.element("div"):
                    ui.label(f"{node.host}, process {node.pid}").classes("note-title")
                    ui.label(
                        f"{node.id}, version {node.version}, since "
                        f"{moment(node.started_at, visitor.zone)}; runs {node.tasks} tasks"
                    ).classes("muted small")
                state(node.state)


async def _about() -> None:
    with ui.element("div").classes("padded rows"):
        facts(
            (
                ("Syncline", __version__),
                ("Licence", "Apache-2.0"),
                ("Roles", ", ".join(ROLES)),
            )
        )
        with ui.element("p").classes("muted keys"):
            ui.html(
                "Keys: <kbd>/</kbd> goes to the search, <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs a "
                "query, <kbd>Esc</kbd> closes a dialog.",
                sanitize=False,
            )
