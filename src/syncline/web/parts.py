"""Small parts that many pages are made of."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nicegui import ui

from syncline.errors import SynclineError
from syncline.web.wording import kind_of

#: The field may not be there yet.
_LEAD = """
(async () => {
  for (let n = 0; n < 100 && !getHtmlElement(%d)?.offsetParent; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  getHtmlElement(%d)?.scrollIntoView({block: 'center'});
  runMethod(%d, 'focus', []);
})()
"""


def state(word: str) -> ui.label:
    """Show a state as a badge: a word, and a colour that only repeats it."""
    return ui.label(word).classes(f"state is-{kind_of(word)}")


def labels(words: Sequence[str]) -> None:
    """Show labels."""
    with ui.element("span").classes("row-line"):
        for word in words:
            ui.label(word).classes("label")


@contextmanager
def card(title: str = "", *, padded: bool = True) -> Iterator[ui.element]:
    """Build a card; what is built in the block is in it."""
    with ui.element("section").classes("card") as whole:
        if title:
            with ui.element("div").classes("card-head"), ui.element("h2"):
                ui.label(title)
        with ui.element("div").classes("padded" if padded else ""):
            yield whole


def heading_2(text: str) -> None:
    """Show a heading inside a page."""
    with ui.element("h2"):
        ui.label(text)


@contextmanager
def empty(icon: str, title: str, text: str) -> Iterator[None]:
    """Show that there is nothing yet, and why; the block builds what to do about it."""
    with ui.element("div").classes("empty"):
        ui.icon(icon).props("aria-hidden=true")
        heading_2(title)
        with ui.element("p"):
            ui.label(text)
        with ui.element("div").classes("empty-actions"):
            yield


def note(text: str, *, kind: str = "", hint: str = "", title: str = "") -> ui.element:
    """Show a note: plain, good, warn or bad. Return where more of it can be built."""
    icons = {"bad": "error", "warn": "warning", "good": "check_circle"}
    role = "alert" if kind == "bad" else "note"
    with ui.element("div").classes(f"note is-{kind or 'plain'}").props(f"role={role}"):
        ui.icon(icons.get(kind, "info")).props("aria-hidden=true")
        with ui.element("div") as inside:
            if title:
                ui.label(title).classes("note-title")
            # An error that points at a word draws an arrow under it.
            ui.label(text).classes("note-text drawn" if "^" in text else "note-text")
            if hint:
                ui.label(hint[:1].upper() + hint[1:]).classes("muted")
    return inside


def failure(error: SynclineError) -> None:
    """Show an error in place: what happened, what to do."""
    note(str(error), kind="bad", hint=error.hint)


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Show names and values under each other."""
    with ui.element("dl").classes("facts"):
        for name, value in pairs:
            with ui.element("dt"):
                ui.label(name)
            with ui.element("dd"):
                ui.label(value)


def button(
    text: str,
    on_click: Callable[..., Any] | None = None,
    *,
    icon: str | None = None,
    main: bool = False,
) -> ui.button:
    """Show a button; ``main``: the one thing that most people come to this page for."""
    made = ui.button(text, on_click=on_click, icon=icon, color=None).props("no-caps")
    return made.props("unelevated").classes("main") if main else made.props("outline")


def link_button(text: str, path: str, *, icon: str | None = None, main: bool = False) -> ui.button:
    """Show a link that looks like a button."""
    return button(text, icon=icon, main=main).props(f'href="{path}"')


def lead_to(field: ui.element, *, mark: bool = True) -> None:
    """Mark a field as the one that whoever came here is to change, and put the cursor there."""
    if mark:
        field.classes("pointed-at")
    ui.run_javascript(_LEAD % ((field.id,) * 3))


async def confirmed(title: str, text: str, word: str, *, dangerous: bool = True) -> bool:
    """Ask before something is done that cannot be undone."""
    with asking(title) as dialog:
        ui.label(text).classes("muted")
        answers(dialog, "Cancel", word, dangerous=dangerous)
    return bool(await answered(dialog))


@contextmanager
def asking(title: str) -> Iterator[ui.dialog]:
    """Build a dialog; what is built in the block is in it, `answers` at the end."""
    with (
        ui.dialog().props("role=dialog") as dialog,
        ui.card().classes("asking"),
        ui.element("div").classes("padded rows w-full"),
    ):
        heading_2(title)
        yield dialog


def answers(
    dialog: ui.dialog,
    no: str,
    yes: str,
    value: Callable[[], Any] = lambda: True,
    *,
    dangerous: bool = False,
) -> None:
    """Show the two answers of a dialog; ``value``: what the second one answers."""
    with ui.element("div").classes("row-line").style("justify-content:flex-end"):
        first = button(no, lambda: dialog.submit(None))
        second = button(yes, lambda: dialog.submit(value()), main=True)
    if dangerous:
        first.props("autofocus")
        second.classes(add="danger", remove="main")


async def answered(dialog: ui.dialog) -> Any:
    """Return the answer to a dialog; None if it was closed without one."""
    dialog.open()
    answer = await dialog
    dialog.delete()
    return answer


def name_checkboxes(table: ui.table, key: str) -> None:
    """Give the checkboxes of a table's rows names; ``key``: the field that has them."""
    table.add_slot(
        "header-selection",
        '<q-checkbox v-model="props.selected" aria-label="Select all"></q-checkbox>',
    )
    table.add_slot(
        "body-selection",
        '<q-checkbox v-model="props.selected" '
        f":aria-label=\"'Select ' + props.row.{key}\"></q-checkbox>",
    )
