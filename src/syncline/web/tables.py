"""Choosing tables of a source: hundreds of them, searched, with their columns."""

from collections.abc import Sequence

from nicegui import events, ui

from syncline.control.usecases.looking import OfferedTable, offered_columns
from syncline.web.parts import heading_2, name_checkboxes
from syncline.web.visitor import Visitor

_COLUMNS = [
    {"name": "name", "label": "Table", "field": "name", "align": "left", "sortable": True},
    {"name": "by", "label": "Reads", "field": "by", "align": "left", "sortable": True},
    {"name": "columns", "label": "Columns", "field": "columns", "align": "right", "sortable": True},
]
_NAME = """
<q-td :props="props" class="is-first wraps">
  <div style="min-width:0"><span class="cell-link">{{ props.value }}</span>
  <span class="cell-under">{{ props.row.description }}</span></div>
</q-td>
"""
_READS = """
<q-td :props="props" data-label="Reads"><span>{{ props.value }}</span></q-td>
"""
_SHOW = """
<q-td :props="props" data-label="Columns" class="is-narrow">
  <q-btn flat dense no-caps :label="props.value + ' columns'"
         :aria-label="'Columns of ' + props.row.name"
         @click.stop="$parent.$parent.$emit('columns', props.row.name)"></q-btn>
</q-td>
"""


class TableChoice:
    """A list of the tables that a source offers, with ticks."""

    def __init__(
        self,
        visitor: Visitor,
        source: str,
        tables: Sequence[OfferedTable],
        *,
        known: frozenset[str],
    ) -> None:
        self._visitor = visitor
        self._source = source
        with ui.element("div").classes("tools"):
            search = ui.input(placeholder="Search tables").classes("grow search")
            search.props('outlined dense clearable type=search aria-label="Search tables"')
            with search.add_slot("prepend"):
                ui.icon("search").props("aria-hidden=true")
            self.counted = ui.label().classes("muted")
        rows = [_row(t) for t in tables if t.name.lower() not in known]
        self.table = ui.table(
            rows=rows, columns=_COLUMNS, row_key="name", selection="multiple", pagination=0
        ).classes("listing tall")
        self.table.props(
            'flat virtual-scroll hide-bottom :virtual-scroll-item-size="60" '
            'no-data-label="No tables found"'
        )
        self.table.add_slot("body-cell-name", _NAME)
        self.table.add_slot("body-cell-by", _READS)
        self.table.add_slot("body-cell-columns", _SHOW)
        name_checkboxes(self.table, "name")
        self.table.on("columns", self._show_columns)
        search.on_value_change(lambda e: self.table.set_filter(e.value or ""))
        self.table.on_select(lambda _: self._count())
        self._total = len(rows)
        self._count()

    @property
    def chosen(self) -> list[str]:
        """Names of the tables that are ticked, in the order of the source."""
        ticked = {row["name"] for row in self.table.selected}
        return [row["name"] for row in self.table.rows if row["name"] in ticked]

    def _count(self) -> None:
        self.counted.text = f"{len(self.table.selected)} of {self._total} selected"

    async def _show_columns(self, event: events.GenericEventArguments) -> None:
        async def show() -> None:
            async with self._visitor.looking() as work:
                columns = await offered_columns(work, self._source, event.args)
            with ui.dialog() as dialog, ui.card().style("width:760px"):
                with ui.element("div").classes("card-head w-full"):
                    heading_2(event.args)
                    ui.button(icon="close", color=None, on_click=dialog.close).props(
                        'flat round dense aria-label="Close"'
                    )
                with ui.element("div").classes("scrolls"):
                    ui.table(
                        rows=[
                            {
                                "name": c.name,
                                "type": c.type + (" · key" if c.key else ""),
                                "filters": " ".join(c.filters),
                                "description": c.description,
                            }
                            for c in columns
                        ],
                        columns=[
                            {"name": n, "label": label, "field": n, "align": "left"}
                            for n, label in (
                                ("name", "Column"),
                                ("type", "Type"),
                                ("filters", "Filters of the API"),
                                ("description", "Description"),
                            )
                        ],
                        row_key="name",
                    ).classes("listing").props("flat wrap-cells")
            dialog.on("hide", dialog.delete)
            dialog.open()

        await self._visitor.attempt(show)


def _row(table: OfferedTable) -> dict[str, object]:
    return {
        "name": table.name,
        "description": table.description,
        "by": f"changes, by {table.cursor_column}"
        if table.cursor_column
        else "everything each run",
        "columns": table.columns,
    }
