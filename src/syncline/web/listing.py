"""A list of many things: searched, sorted and cut into pages by the server."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

from nicegui import events, ui

from syncline.control.paging import Wanted
from syncline.errors import SynclineError
from syncline.web.parts import name_checkboxes
from syncline.web.visitor import tell

#: What a list shows: the rows of one page, and how many there are in all.
Fetched: TypeAlias = tuple[Sequence[Mapping[str, Any]], int]
PER_PAGE = 50
#: A list as short as this needs no pages.
_SHORT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. A row has ``name``, and for links ``name_url``, for badges ``name_kind``."""

    name: str
    label: str
    #: text, link, state, number, labels, two (with ``name_under``), actions.
    kind: str = "text"
    #: What the server can order by; None: not sortable.
    order: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button in every row."""

    name: str
    label: str
    icon: str
    #: Field of the row that says whether it is offered; '': always.
    shown_if: str = ""


class Listing:
    """The list on a page."""

    def __init__(
        self,
        columns: Sequence[Column],
        fetch: Callable[[Wanted], Awaitable[Fetched]],
        *,
        noun: str,
        order: str,
        actions: Sequence[Action] = (),
        on_action: Callable[[str, str], Awaitable[None]] | None = None,
        selection: bool = False,
        search: bool = True,
        per_page: int = PER_PAGE,
    ) -> None:
        self._fetch = fetch
        self._wanted = Wanted(order=order, limit=per_page)
        self._on_action = on_action
        with ui.element("div").classes("tools") as self.tools:
            if search:
                field_ = ui.input(placeholder=f"Search {noun}").classes("grow search")
                field_.props(
                    f'outlined dense debounce=250 clearable type=search aria-label="Search {noun}"'
                )
                field_.on_value_change(self._searched)
                with field_.add_slot("prepend"):
                    ui.icon("search").props("aria-hidden=true")
        self.table = ui.table(
            rows=[],
            columns=[_column(c) for c in columns],
            row_key="key",
            selection="multiple" if selection else None,
            pagination={"rowsPerPage": per_page, "rowsNumber": 0, "page": 1,
                        "sortBy": _sorted_by(columns, order), "descending": order.startswith("-")},
        ).classes("listing")  # fmt: skip
        self.table.props(
            f'flat binary-state-sort :rows-per-page-options="[20, 50, 100, 200]" '
            f'no-data-label="No {noun} found" aria-label="{noun}"'
        )
        self.table.add_slot("no-data", f"<span>No {noun} found.</span>")
        self._orders = {c.name: c.order for c in columns if c.order}
        for index, column in enumerate(columns):
            self.table.add_slot(f"body-cell-{column.name}", _cell(column, first=index == 0))
        if actions:
            self.table.columns = [*self.table.columns, _ACTIONS]
            self.table.add_slot("body-cell-actions", _action_cell(actions))
        if selection:
            name_checkboxes(self.table, "key")
        self.table.on("request", self._requested)
        self.table.on("action", self._acted)

    @property
    def selected(self) -> list[str]:
        """Keys of the rows that are ticked."""
        return [row["key"] for row in self.table.selected]

    async def refresh(self, **changes: Any) -> None:
        """Show the page anew; ``changes``: fields of `Wanted`."""
        values = {name: getattr(self._wanted, name) for name in self._wanted.__slots__}
        self._wanted = Wanted(**{**values, **changes})
        try:
            rows, total = await self._fetch(self._wanted)
        except SynclineError as error:
            tell(error)
            return
        self.table.rows = [dict(row) for row in rows]
        limit = self._wanted.limit
        self.table.pagination = {
            **self.table.pagination, "rowsNumber": total, "rowsPerPage": limit,
            "page": self._wanted.offset // limit + 1,
        }  # fmt: skip
        if 0 < total <= min(limit, _SHORT):
            self.table.props("hide-bottom")
        else:
            self.table.props(remove="hide-bottom")

    async def _searched(self, event: events.ValueChangeEventArguments[Any]) -> None:
        await self.refresh(search=str(event.value or ""), offset=0)

    async def _requested(self, event: events.GenericEventArguments) -> None:
        asked = event.args["pagination"]
        limit = int(asked.get("rowsPerPage") or PER_PAGE)
        order = self._orders.get(asked.get("sortBy") or "", self._wanted.order.lstrip("-"))
        self.table.pagination = {**self.table.pagination, **asked}
        await self.refresh(
            order=f"-{order}" if asked.get("descending") else order,
            limit=limit,
            offset=(int(asked.get("page") or 1) - 1) * limit,
        )

    async def _acted(self, event: events.GenericEventArguments) -> None:
        if self._on_action is not None:
            await self._on_action(event.args["action"], event.args["key"])


_ACTIONS = {"name": "actions", "label": "", "field": "key", "align": "right"}


def _sorted_by(columns: Sequence[Column], order: str) -> str | None:
    return next((c.name for c in columns if c.order == order.removeprefix("-")), None)


def _column(column: Column) -> dict[str, Any]:
    align = "right" if column.kind == "number" else "left"
    return {
        "name": column.name, "label": column.label, "field": column.name, "align": align,
        "sortable": column.order is not None,
    }  # fmt: skip


def _cell(column: Column, *, first: bool) -> str:
    name = column.name
    value = "{{ props.value }}"
    inner = {
        "link": f'<a class="cell-link" :href="props.row.{name}_url">{value}</a>',
        "two": f'<a v-if="props.row.{name}_url" class="cell-link" :href="props.row.{name}_url">'
        f"{value}</a><span v-else>{value}</span>"
        f'<span class="cell-under" v-if="props.row.{name}_under">'
        f"{{{{ props.row.{name}_under }}}}</span>",
        "state": f'<span v-if="props.value" class="state" :class="\'is-\' + props.row.{name}_kind">'
        f"{value}</span>",
        "labels": '<span class="row-line"><span class="label" v-for="word in props.value" '
        ':key="word">{{ word }}</span></span>',
        "number": f'<span class="number">{value}</span>',
    }.get(column.kind, f"<span>{value}</span>")
    if column.kind == "two":
        inner = f"<div>{inner}</div>"
    classes = " ".join(
        word
        for word, wanted in (("is-first", first), ("wraps", column.kind in {"two", "text"}))
        if wanted
    )
    emptied = '(props.value === "" || props.value == null || props.value.length === 0)'
    return (
        f"<q-td :props='props' data-label='{escape(column.label)}' "
        f"class='{classes}' :class='{{\"is-empty\": {emptied}}}'>{inner}</q-td>"
    )


def _action_cell(actions: Sequence[Action]) -> str:
    buttons = "".join(
        f'<q-btn flat round dense icon="{action.icon}" '
        + (f'v-if="props.row.{action.shown_if}" ' if action.shown_if else "")
        + f":aria-label=\"'{action.label} ' + props.row.key\" "
        f"@click.stop=\"$parent.$emit('action', {{action: '{action.name}', key: props.row.key}})\">"
        f"<q-tooltip>{action.label}</q-tooltip></q-btn>"
        for action in actions
    )
    return f"<q-td :props='props' class='is-actions is-narrow'>{buttons}</q-td>"
