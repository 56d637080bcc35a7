"""Channels in the settings: where people are told what happens, tried with a button."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from syncline.control.alert_specs import ChannelSpec
from syncline.control.paging import Wanted
from syncline.control.plane import MASK
from syncline.control.usecases.channels import (
    Channel,
    ChannelEdit,
    Trial,
    create_channel,
    delete_channel,
    edit_channel,
    get_address,
    get_channel,
    list_channels,
    set_address,
    try_channel,
)
from syncline.web.listing import Action, Column, Fetched, Listing
from syncline.web.parts import (
    answered,
    answers,
    asking,
    button,
    confirmed,
    heading_2,
    note,
)
from syncline.web.visitor import Visitor, done
from syncline.web.wording import ago, many

#: What people have, and how its address looks.
_KINDS = {
    "mail": ("Mail", "mailtos://user:password@smtp.example.com?from=a@example.com&to=b@example.com"),
    "slack": ("Slack", "https://hooks.slack.com/services/T…/B…/…"),
    "teams": ("Microsoft Teams", "https://….logic.azure.com/workflows/…"),
    "hook": ("Web hook (JSON)", "jsons://hooks.example.com/path"),
    "other": ("Another one", "as Apprise writes it: ntfys://, tgram://, discord:// …"),
}  # fmt: skip


async def build(visitor: Visitor, base: str) -> None:
    """Build the tab. ``base``: the address by which the visitor has come."""
    await _Part(visitor, base).build()


class _Part:
    def __init__(self, visitor: Visitor, base: str) -> None:
        self._visitor = visitor
        self._base = base
        self._may = visitor.may("settings.edit")

    async def build(self) -> None:
        columns = (
            Column(name="name", label="Channel", kind="two", order="name"),
            Column(name="service", label="Kind", order="service"),
            Column(name="jobs", label="Alerts of"),
            Column(name="status", label="Last told", kind="state"),
            Column(name="told", label="When"),
        )
        actions = (
            Action(name="test", label="Test", icon="send"),
            Action(name="edit", label="Edit", icon="edit"),
            Action(name="delete", label="Delete", icon="delete"),
        )
        self._list = Listing(
            columns, self._fetch, noun="channels", order="name", on_action=self._act,
            actions=actions if self._may else (),
        )  # fmt: skip
        if self._may:
            with self._list.tools:
                button("Add Channel", self._add, icon="add", main=True)
        await self._list.refresh()
        async with self._visitor.looking() as work:
            address = await get_address(work)
        ui.separator()
        with ui.element("div").classes("padded rows"):
            heading_2("Links in messages")
            self._address = ui.input(
                "Address of this web application", value=address, placeholder=self._base
            ).props("outlined stack-label")
            self._address.props["hint"] = "Messages then lead to the run. Empty: no links."
            if not self._may:
                self._address.props("readonly")
                return
            with ui.element("div").classes("row-line"):
                button("Save Address", self._save_address, icon="check")

    async def _fetch(self, wanted: Wanted) -> Fetched:
        async with self._visitor.looking() as work:
            page = await list_channels(work, wanted)
        return [self._row(channel) for channel in page.items], page.total

    def _row(self, channel: Channel) -> dict[str, Any]:
        return {
            "key": channel.name,
            "name": channel.name,
            "name_under": channel.error or channel.description,
            "service": channel.service or channel.url,
            "jobs": many(channel.jobs, "job") if channel.jobs else "",
            "status": channel.status or "",
            "status_kind": {"ok": "good", "failed": "bad"}.get(channel.status or "", "idle"),
            "told": ago(channel.told_at, self._visitor.now, self._visitor.zone)
            if channel.told_at
            else "",
        }

    async def _act(self, action: str, name: str) -> None:
        match action:
            case "test":
                await self._test(name)
            case "edit":
                await self._edit(name)
            case _:
                await self._delete(name)

    async def _add(self) -> None:
        with asking("Add Channel") as dialog:
            name = ui.input("Name *").props("outlined stack-label autofocus maxlength=50")
            kind = ui.select({k: title for k, (title, _) in _KINDS.items()}, value="mail",
                             label="Kind").props("outlined stack-label options-dense")  # fmt: skip
            url = _url_field("Address *")
            description = ui.input("Description").props("outlined stack-label")
            url.props["hint"] = _KINDS["mail"][1]

            def choose() -> None:
                url.props["hint"] = _KINDS[str(kind.value)][1]
                url.update()

            kind.on_value_change(choose)
            answers(dialog, "Cancel", "Add Channel",
                    lambda: (name.value, url.value, description.value))  # fmt: skip
        given = await answered(dialog)
        if not given:
            return

        async def create(work: Any) -> None:
            spec = ChannelSpec(url=given[1].strip(), description=given[2])
            await create_channel(work, given[0].strip(), spec)

        if await self._change(create, f"{given[0]} is added"):
            await self._test(given[0].strip())

    async def _edit(self, name: str) -> None:
        async with self._visitor.looking() as work:
            found = await get_channel(work, name)
        with asking(f"Edit {name}") as dialog:
            url = _url_field("Address")
            url.value = "" if found.url == MASK else found.url
            url.props["hint"] = "Empty: it stays as it is."
            description = ui.input("Description", value=found.description)
            description.props("outlined stack-label")
            answers(dialog, "Cancel", "Save Changes", lambda: (url.value, description.value))
        given = await answered(dialog)
        if given:
            edit = ChannelEdit(url=given[0].strip(), description=given[1], version=found.version)
            await self._change(lambda work: edit_channel(work, name, edit), "Saved")

    async def _delete(self, name: str) -> None:
        text = "What is still to be told to it is dropped."
        if await confirmed(f"Delete the channel {name}?", text, "Delete Channel"):
            await self._change(lambda work: delete_channel(work, name), f"{name} is deleted")

    async def _test(self, name: str) -> None:
        trials: list[Trial] = []

        async def test() -> None:
            actor = await self._visitor.who()
            trials.append(await try_channel(self._visitor.plane, actor, name))

        if not await self._visitor.attempt(test):
            return
        await self._list.refresh()
        (trial,) = trials
        if trial.ok:
            done(f"{name} has taken a test message")
            return
        with asking(f"{name} was not told") as dialog:
            note(trial.message, kind="bad", hint=trial.hint)
            answers(dialog, "Close", "Edit", lambda: True)
        if await answered(dialog):
            await self._edit(name)

    async def _save_address(self) -> None:
        await self._change(lambda work: set_address(work, str(self._address.value or "")), "Saved")

    async def _change(self, doing: Callable[[Any], Awaitable[object]], said: str) -> bool:
        async def change() -> None:
            async with self._visitor.changing() as work:
                await doing(work)

        changed = await self._visitor.attempt(change)
        if changed:
            done(said)
            await self._list.refresh()
        return changed


def _url_field(label: str) -> ui.input:
    made = ui.input(label, password=True, password_toggle_button=True)
    made.props("outlined stack-label spellcheck=false autocomplete=off")
    return made
