"""One connection: its form, its test, its sign-in."""

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote, urlencode

from fastapi import Request
from nicegui import ui

from syncline.control.fetching import obtain_profile
from syncline.control.sealing import nested
from syncline.control.usecases.authorizing import give_back, remove_connection, signs_in
from syncline.control.usecases.connections import (
    Connection,
    ConnectionEdit,
    create_connection,
    edit_connection,
    get_connection,
    spec_of,
)
from syncline.control.usecases.looking import Tested, check_connection, check_properties
from syncline.errors import Missing
from syncline.web.connection_form import ConnectionForm
from syncline.web.connection_hooks import webhooks_card
from syncline.web.connections import TITLES, known_offers, type_title
from syncline.web.frame import heading
from syncline.web.parts import button, card, confirmed, empty, facts, link_button, note
from syncline.web.saving import forget_typed, saved_over
from syncline.web.signing_up import callback_of, connect
from syncline.web.visitor import Visitor
from syncline.web.wording import ago, many

_CRUMBS = (("Connections", "/connections"),)


async def new(visitor: Visitor, request: Request) -> None:
    """Build the page of a connection that is not there yet."""
    type_ = request.path_params["type_"]
    profile = request.query_params.get("profile", "")
    offer = next((o for o in known_offers() if (o.type, o.profile) == (type_, profile)), None)
    title = offer.title if offer else TITLES.get(type_, type_)
    if type_ not in TITLES or not visitor.may("connections.edit"):
        _nothing(f"There is no type of connection {type_!r}.")
        return
    with heading(f"New {title} Connection", crumbs=(*_CRUMBS, ("Add", "/connections/new"))):
        pass
    given: Mapping[str, object] = {"Profile": profile} if profile else {}
    page = _Page(visitor, None, type_, request.query_params.get("next", ""))
    with card():
        page.build(given, suggested=profile or type_)


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page of a connection."""
    name = request.path_params["name"]
    try:
        async with visitor.looking() as work:
            found = await get_connection(work, name)
            asks = await signs_in(work, name)
    except Missing:
        _nothing(f"There is no connection {name}, or your role does not show it.")
        return
    page = _Page(visitor, found, found.type)
    role = "source" if found.type == "api" else "destination"
    with heading(found.name, under=type_title(found), crumbs=_CRUMBS):
        if visitor.may("jobs.edit"):
            ready = found.signed_in or not asks
            path = f"/jobs/new?{urlencode({role: found.name})}"
            link_button("Add Job", path, icon="add", main=ready and found.jobs == 0)
        if visitor.may("connections.edit", found.name):
            button("Delete", page.delete, icon="delete")
    with ui.element("div").classes("beside"):
        with card():
            page.build(found.properties, field=request.query_params.get("field", ""))
        with ui.element("div").classes("rows"):
            if asks:
                with card("Sign-in"), ui.element("div").classes("rows"):
                    _sign_in(visitor, found, callback_of(request))
            with card("Overview"):
                overview = ui.element("div")
                with overview:
                    _overview(visitor, found)
                page.watch(overview)
            if found.type == "api":
                await webhooks_card(visitor, found, request)


def _overview(visitor: Visitor, found: Connection) -> None:
    status = {"ok": "Successful", "failed": "Failed", None: "Not tested yet"}[found.status]
    facts(
        (
            ("Status", status),
            ("Last test", ago(found.tested_at, visitor.now, visitor.zone)),
            ("Used by", many(found.jobs, "job") if found.jobs else "no job"),
            ("Changed", f"{ago(found.changed_at, visitor.now, visitor.zone)}, {found.changed_by}"),
        )
    )


def _sign_in(visitor: Visitor, found: Connection, callback: str) -> None:
    if found.signed_in:
        note("The API has given its consent.", kind="good", title="Connected")
    else:
        note("Nobody has signed in yet.", kind="warn", hint="connect, and agree in the browser")
    if not visitor.may("connections.edit", found.name):
        return
    with ui.element("div").classes("row-line"):
        word = "Connect Again" if found.signed_in else "Connect"
        button(word, partial(connect, visitor, found.name), icon="login", main=not found.signed_in)
        if found.signed_in:
            button("Disconnect", partial(_disconnect, visitor, found.name), icon="link_off")
    if not found.signed_in:
        ui.label("Redirect URI to register with the API:").classes("muted small")
        ui.label(str(found.properties.get("CallbackURL") or callback)).classes("address")


async def _disconnect(visitor: Visitor, name: str) -> None:
    async def end() -> None:
        await give_back(visitor.plane, await visitor.who(), name)

    if await visitor.attempt(end):
        ui.navigate.to(f"/connections/{quote(name)}")


def _nothing(text: str) -> None:
    with empty("power_off", "Not found", text):
        link_button("Back to Connections", "/connections")


def show_test(tested: Tested) -> None:
    """Show what a test looked at, step by step."""
    kind = "good" if tested.ok else "bad"
    box = ui.element("div").classes(f"note is-{kind}").props("role=status")
    with box, ui.element("ul").classes("steps"):
        for step in tested.steps:
            with ui.element("li"):
                ui.icon("check_circle" if step.ok else "cancel").props("aria-hidden=true")
                with ui.element("div"):
                    ui.label(step.name[:1].upper() + step.name[1:]).classes("note-title")
                    ui.label(step.message[:1].upper() + step.message[1:])
                    if step.hint:
                        ui.label(step.hint[:1].upper() + step.hint[1:]).classes("muted")


class _Page:
    def __init__(
        self, visitor: Visitor, found: Connection | None, type_: str, back: str = ""
    ) -> None:
        """Note what is shown. ``back``: where whoever adds a connection came from."""
        self._visitor = visitor
        self._found = found
        self._type = type_
        # Of this server, and no other one.
        self._back = back if back.startswith("/jobs/") else ""
        self._overview: ui.element | None = None

    def build(self, given: Mapping[str, object], *, suggested: str = "", field: str = "") -> None:
        found = self._found
        with ui.element("div").classes("rows"):
            with ui.element("div").classes("form"):
                self._name = ui.input("Name *", value=found.name if found else suggested)
                self._name.props("outlined stack-label maxlength=50")
                if found:
                    self._name.props("readonly").props["hint"] = "Jobs know it by this name."
            secrets = frozenset(found.secrets) if found else frozenset[str]()
            self._form = ConnectionForm(self._type, given, secrets)
            self._form.point_at(field)
            with ui.element("div").classes("form"):
                self._description = ui.input(
                    "Description", value=found.description if found else ""
                ).props("outlined stack-label")
                self._labels = ui.input_chips(
                    "Labels", value=list(found.labels) if found else [], new_value_mode="add-unique"
                ).props("outlined stack-label use-chips")
            with ui.element("div").classes("row-line"):
                if self._visitor.may("connections.edit", found.name if found else None):
                    button("Save Changes", self.save, icon="check", main=True)
                    button("Test Connection", self.test, icon="network_check")
                link_button("Cancel", "/connections")
            self._tested = ui.element("div").props("aria-live=polite")

    def watch(self, overview: ui.element) -> None:
        """Show there what is known of the connection, anew after each test."""
        self._overview = overview

    async def test(self) -> None:
        if self._form.lead_to_missing():
            return
        self._tested.clear()
        with self._tested, ui.element("div").classes("note"):
            ui.spinner(size="20px")
            doing = ui.label("Testing …")
        found: list[Tested] = []

        def announce(text: str) -> None:
            doing.text = text[:1].upper() + text[1:]

        async def check() -> None:
            found.append(await self._check(announce))

        await self._visitor.attempt(check)
        self._tested.clear()
        with self._tested:
            for tested in found:
                show_test(tested)
        if found:
            await self._visitor.attempt(self._show_known)

    async def _show_known(self) -> None:
        if self._overview is None or self._found is None:
            return
        async with self._visitor.looking() as work:
            known = await get_connection(work, self._found.name)
        self._overview.clear()
        with self._overview:
            _overview(self._visitor, known)

    async def _check(self, announce: Callable[[str], None]) -> Tested:
        """Test what is in the form; what is stored already is tested as it is, and noted."""
        visitor, found = self._visitor, self._found
        actor = await visitor.who()
        given = nested(self._form.properties)
        if found is not None and given == nested(found.properties):
            return await check_connection(visitor.plane, actor, found.name, announce=announce)
        name = found.name if found else ""
        return await check_properties(
            visitor.plane, actor, self._type, given, name, announce=announce
        )

    async def save(self) -> None:
        if not self._name.value:
            self._name.props('error error-message="This is needed"')
            return
        if self._form.lead_to_missing():
            return
        found = self._found
        if found is not None:
            await saved_over(self._visitor, self._change, found.version, self._newest)
            return
        if not await self._visitor.attempt(self._create):
            return
        forget_typed()
        if self._back and self._type != "api":
            mark = "&" if "?" in self._back else "?"
            given = urlencode({"destination": self._name.value})
            ui.navigate.to(f"{self._back}{mark}{given}")
        else:
            ui.navigate.to(f"/connections/{quote(self._name.value)}")

    async def _properties(self) -> dict[str, object]:
        """Return what is in the form, with its profile at hand."""
        properties = nested(self._form.properties)
        (await self._visitor.who()).require("connections.edit")
        await obtain_profile(properties, self._visitor.plane.reach)
        return properties

    async def _create(self) -> None:
        spec = spec_of(
            {
                "type": self._type,
                "properties": await self._properties(),
                "description": self._description.value,
                "labels": tuple(self._labels.value),
            }
        )
        async with self._visitor.changing() as work:
            await create_connection(work, self._name.value, spec)

    async def _change(self, version: int) -> None:
        edit = ConnectionEdit(
            properties=await self._properties(),
            description=self._description.value,
            labels=tuple(self._labels.value),
            version=version,
        )
        async with self._visitor.changing() as work:
            self._found = await edit_connection(work, self._name.value, edit)

    async def _newest(self) -> int:
        async with self._visitor.looking() as work:
            return (await get_connection(work, self._name.value)).version

    async def delete(self) -> None:
        assert self._found is not None  # noqa: S101 (the button is on existing ones only)
        name = self._found.name
        if not await confirmed(
            f"Delete {name}?",
            "Its settings and secrets are removed. Data that was replicated with it stays.",
            "Delete Connection",
        ):
            return

        async def delete() -> None:
            await remove_connection(self._visitor.plane, await self._visitor.who(), name)

        if await self._visitor.attempt(delete):
            ui.navigate.to("/connections")
