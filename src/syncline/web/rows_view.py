"""Rows of a preview or a query, as a grid."""

from collections.abc import Sequence

from nicegui import ui

from syncline.web.wording import many

_LONGEST = 200
_CELL = (
    '<q-td :props="props" :data-label="props.col.label">'
    '<span class="cell-value">{{ props.value }}</span></q-td>'
)
_NUMBERS = ("whole number", "number", "decimal")


def show_rows(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[object]], *, label: str,
    cut: bool = False,
) -> None:  # fmt: skip
    """Show rows in a grid that scrolls both ways. ``columns``: name and type of each."""
    heads = [
        {
            "name": str(at),
            "label": name,
            "field": str(at),
            "align": "right" if type_.startswith(_NUMBERS) else "left",
            "classes": "number",
        }
        for at, (name, type_) in enumerate(columns)
    ]
    shown = [
        {"key": key, **{str(at): text_of(value) for at, value in enumerate(row)}}
        for key, row in enumerate(rows)
    ]
    more = "The first " if cut else ""
    ui.label(f"{more}{many(len(rows), 'row')}").classes("muted small padded-line")
    table = ui.table(rows=shown, columns=heads, row_key="key", pagination=0)
    table.classes("listing tall grid-rows")
    table.props(f'flat dense virtual-scroll hide-bottom aria-label="{label}"')
    # On a phone there is no head: each value has its name beside it.
    table.add_slot("body-cell", _CELL)


def text_of(value: object) -> str:
    """Return a value as a cell shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
