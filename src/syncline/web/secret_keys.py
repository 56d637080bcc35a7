"""Settings: the keys that secrets are sealed with, and sealing them anew."""

from nicegui import ui

from syncline.control.usecases.key_list import KeyUse, list_keys
from syncline.control.usecases.keys import reseal
from syncline.web.parts import button, note
from syncline.web.visitor import Visitor, done
from syncline.web.wording import many


async def build(visitor: Visitor) -> None:
    """Build the tab."""
    shown = ui.element("div").classes("padded rows")

    async def show() -> None:
        async with visitor.looking() as work:
            keys = await list_keys(work)
        shown.clear()
        with shown:
            _explain()
            with ui.element("ul").classes("steps"):
                for key in keys:
                    _key(key)
            old = sum(key.secrets for key in keys if key.here and not key.current)
            if any(not key.here for key in keys):
                note(
                    "Secrets were sealed with a key that is not here, and cannot be opened.",
                    kind="bad", hint="add that key to SYNCLINE_SECRET_KEY, after the newest one",
                )  # fmt: skip
            elif not old:
                note("Every secret is sealed with the current key.", kind="good")
            if old and visitor.may("settings.edit"):
                with ui.element("div").classes("row-line"):
                    button(f"Seal {many(old, 'Secret')} Anew", again, icon="key", main=True)

    async def again() -> None:
        counted: list[int] = []

        async def seal() -> None:
            async with visitor.changing() as work:
                counted.append(await reseal(work))

        if await visitor.attempt(seal):
            done(f"{many(counted[0], 'secret')} sealed anew")
            await show()

    await show()


def _explain() -> None:
    ui.label(
        "Secrets are sealed before they are stored. A new key goes first into "
        "SYNCLINE_SECRET_KEY, or into the first line of the key file; older ones stay behind it "
        "until everything is sealed anew."
    ).classes("muted")


def _key(key: KeyUse) -> None:
    with ui.element("li").classes("apart"):
        with ui.element("div"):
            ui.label(f"Key {key.name}").classes("note-title mono")
            ui.label(f"has sealed {many(key.secrets, 'secret')}").classes("muted small")
        word = "current" if key.current else "older" if key.here else "missing"
        kind = {"current": "good", "older": "idle", "missing": "bad"}[word]
        ui.label(word).classes(f"state is-{kind}")
