"""An editor for code, in the theme of the page."""

from typing import Literal

from nicegui import ui

_THEME = "Quasar.Dark.isActive ? 'vscodeDark' : 'vscodeLight'"


def editor(value: str, language: Literal["SQL", "YAML"], *, label: str) -> ui.codemirror:
    """Show an editor."""
    made = ui.codemirror(value, language=language, line_wrapping=True)
    made.props(remove="theme").props[":theme"] = _THEME
    made.props["aria-label"] = label
    return made
