"""The frame around every page: links, the visitor's menu, the place for the page itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass

from nicegui import ui

from syncline.web.guard import theme
from syncline.web.visitor import Visitor

MARK = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.2" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
    '<path d="M4 8h12a4 4 0 0 1 0 8H8"/><path d="M11 13l-3 3 3 3"/><circle cx="4" cy="8" r="1.4" '
    'fill="currentColor" stroke="none"/></svg>'
)


#: Seconds that a page is kept that somebody has left.
_LEFT = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An entry of the navigation."""

    title: str
    path: str
    icon: str
    #: Needed to see it.
    permission: str


PLACES = (
    Place(title="Dashboard", path="/", icon="space_dashboard", permission="runs.view"),
    Place(title="Connections", path="/connections", icon="power", permission="connections.view"),
    Place(title="Jobs", path="/jobs", icon="sync_alt", permission="jobs.view"),
    Place(title="Runs", path="/runs", icon="history", permission="runs.view"),
    Place(title="Explorer", path="/explorer", icon="terminal", permission="connections.edit"),
    Place(title="Settings", path="/settings", icon="settings", permission="runs.view"),
)


@contextmanager
def frame(visitor: Visitor, here: str) -> Iterator[None]:
    """Build the frame; what is built in the block becomes the page. ``here``: a place's path."""
    dark = ui.dark_mode({"light": False, "dark": True}.get(theme.get()))
    ui.html('<a class="skip" href="#page">Skip to the page</a>', sanitize=False)
    with ui.element("div").classes("frame"):
        with ui.element("nav").classes("side").props('aria-label="Main"'):
            ui.html(f'<a class="brand" href="/">{MARK}<span>Syncline</span></a>', sanitize=False)
            for place in PLACES:
                if visitor.may(place.permission):
                    _link(place, here=place.path == here)
            ui.element("div").classes("side-space")
            _person(visitor, dark)
        with ui.element("main").classes("whole").props('id=page tabindex="-1"') as main:
            main.props["data-person"] = visitor.actor.name
            yield
    _shortcuts()
    ui.on("leaving", _leave, [])


def _leave() -> None:
    """Forget the page soon: its visitor has gone to another one."""
    client = ui.context.client
    # The page is that of everybody who looks at this address.
    client.page = copy(client.page)
    client.page.reconnect_timeout = _LEFT


def _link(place: Place, *, here: bool) -> None:
    current = ' aria-current="page"' if here else ""
    classes = f"side-link{' here' if here else ''}{' is-rare' if place.path == '/settings' else ''}"
    with ui.element("a").classes(classes).props(f'href="{place.path}"{current}'):
        ui.icon(place.icon).props("aria-hidden=true")
        ui.label(place.title)


def _person(visitor: Visitor, dark: ui.dark_mode) -> None:
    name = visitor.actor.name
    button = ui.element("button").classes("person")
    button.props(f'type=button aria-haspopup=menu aria-label="Menu of {_attribute(name)}"')
    with button:
        with ui.element("span").classes("face").props("aria-hidden=true"):
            ui.label(name[:2].upper())
        ui.label(name).classes("person-name")
        with ui.menu().props('anchor="top left" self="bottom left" :offset="[0, 6]"'):
            with ui.item(), ui.item_section():
                ui.item_label(name)
                ui.item_label(", ".join(visitor.actor.roles)).props("caption")
            ui.separator()
            # On a phone it is only here: five links are as many as fit.
            with ui.menu_item(on_click=lambda: ui.navigate.to("/settings")):
                with ui.item_section().props("avatar"):
                    ui.icon("settings").props("aria-hidden=true")
                with ui.item_section():
                    ui.item_label("Your settings")
            ui.separator()
            for word, icon in _THEMES:
                with ui.menu_item(on_click=lambda _, word=word: _put_theme(dark, word)):
                    with ui.item_section().props("avatar"):
                        ui.icon(icon).props("aria-hidden=true")
                    with ui.item_section():
                        ui.item_label(f"{word.capitalize()} theme")
            ui.separator()
            with ui.menu_item(on_click=_sign_out):
                with ui.item_section().props("avatar"):
                    ui.icon("logout").props("aria-hidden=true")
                with ui.item_section():
                    ui.item_label("Sign out")


_THEMES = (("light", "light_mode"), ("dark", "dark_mode"), ("system", "contrast"))


def _put_theme(dark: ui.dark_mode, word: str) -> None:
    ui.run_javascript(
        f"document.cookie = 'theme={word};path=/;max-age=31536000;samesite=lax';"
        f"document.documentElement.dataset.theme = '{word}';"
    )
    dark.value = {"light": False, "dark": True}.get(word)


def _sign_out() -> None:
    # A form, as the cookie is out of every script's reach.
    ui.run_javascript(
        "forgetTyped(true); "
        "const form = document.createElement('form'); form.method = 'post'; "
        "form.action = '/sign-out'; document.body.append(form); form.submit();"
    )


def _shortcuts() -> None:
    """``/`` goes to the search of the page."""
    ui.add_body_html(
        "<script>document.addEventListener('keydown', (event) => {"
        "if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;"
        "if (event.target.closest('input, textarea, [contenteditable]')) return;"
        "const search = document.querySelector('input[type=search], .search input');"
        "if (search) { event.preventDefault(); search.focus(); search.select(); }"
        "});</script>"
    )


@contextmanager
def heading(
    title: str, *, under: str = "", crumbs: Sequence[tuple[str, str]] = ()
) -> Iterator[None]:
    """Build the head of a page; what is built in the block are its actions."""
    ui.page_title(f"{title} · Syncline")
    with ui.element("header").classes("head"):
        with ui.element("div").classes("head-text"):
            if crumbs:
                with ui.element("nav").classes("crumbs").props('aria-label="Breadcrumb"'):
                    for at, (text, path) in enumerate(crumbs):
                        if at:
                            ui.label("/").props("aria-hidden=true").classes("crumb-slash")
                        ui.link(text, path)
            with ui.element("h1"):
                ui.label(title)
            if under:
                ui.label(under).classes("muted")
        with ui.element("div").classes("head-actions"):
            yield


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;")
