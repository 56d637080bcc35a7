"""Add Connection: what there is to connect to, as tiles."""

from urllib.parse import urlencode

from fastapi import Request
from nicegui import events, ui

from syncline.control.forms import Offer
from syncline.web.connections import known_offers
from syncline.web.frame import heading
from syncline.web.parts import note
from syncline.web.visitor import Visitor


async def chosen(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    with heading(
        "Add Connection",
        under="What do you want to connect to?",
        crumbs=(("Connections", "/connections"),),
    ):
        pass
    if not visitor.may("connections.edit"):
        note("Your role does not allow to add connections.", hint="ask an administrator")
        return
    first = "Destinations" if request.query_params.get("kind") == "destination" else "Sources"
    with ui.element("div").classes("row-line apart"):
        with ui.tabs().props('no-caps inline-label align=left aria-label="Kind"') as tabs:
            for title, icon in (("Sources", "cloud_download"), ("Destinations", "storage")):
                ui.tab(title, icon=icon)
        search = ui.input(placeholder="Search").classes("search")
        search.props('outlined dense clearable type=search aria-label="Search"')
        with search.add_slot("prepend"):
            ui.icon("search").props("aria-hidden=true")
    with ui.tab_panels(tabs, value=first, animated=False).classes("w-full"):
        for title in ("Sources", "Destinations"):
            with ui.tab_panel(title):
                _tiles(title == "Sources", search, request.query_params.get("next", ""))


def _tiles(source: bool, search: ui.input, to: str) -> None:  # noqa: FBT001 (one of two kinds)
    with ui.element("div").classes("tiles"):
        shown = [
            (f"{offer.title} {offer.description}".lower(), _tile(offer, to))
            for offer in known_offers()
            if offer.source is source
        ]
    nothing = ui.label("Nothing here has that name.").classes("muted")
    nothing.visible = False

    def narrow(event: events.ValueChangeEventArguments[str | None]) -> None:
        word = (event.value or "").strip().lower()
        for text, tile in shown:
            tile.visible = word in text
        nothing.visible = not any(tile.visible for _, tile in shown)

    search.on_value_change(narrow)


def _tile(offer: Offer, to: str) -> ui.element:
    given = {name: word for name, word in (("profile", offer.profile), ("next", to)) if word}
    query = f"?{urlencode(given)}" if given else ""
    tile = ui.element("a").classes("tile").props(f'href="/connections/new/{offer.type}{query}"')
    with tile:
        ui.label(_initials(offer.title)).classes("tile-mark").props("aria-hidden=true")
        with ui.element("div"):
            ui.label(offer.title).classes("tile-title")
            ui.label(offer.description).classes("muted small")
    return tile


def _initials(title: str) -> str:
    capitals = [letter for letter in title if letter.isupper()]
    return "".join(capitals[:2]) if len(capitals) > 1 else title[:2]
