"""The columns of a task: which, under which name, computed how."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from nicegui import events, ui

from syncline.control.project import ColumnSpec, ExpressionSpec, TaskSpec
from syncline.control.usecases.looking import OfferedColumn
from syncline.web.parts import answered, asking, button
from syncline.web.rows_view import text_of

# Cells of a table with virtual scrolling are two components away from what the server hears.
_COLUMNS = [
    {"name": name, "label": label, "field": name, "align": "left"}
    for name, label in (
        ("taken", "Take"),
        ("name", "Column"),
        ("as_", "Name in the target"),
        ("expression", "Expression"),
        ("sample", "Sample"),
        ("actions", ""),
    )
]
#: Not there before the first preview, so that the others have room.
_SAMPLE = "sample"
_SLOTS = {
    "taken": """
<q-td :props="props" data-label="Take" class="is-narrow">
<q-checkbox dense :model-value="props.value" :disable="!props.row.editable"
 :aria-label="'Take ' + (props.row.name || props.row.as_)"
 @update:model-value="v => $parent.$parent.$emit('edit',
   {key: props.row.key, field: 'taken', value: v})">
</q-checkbox></q-td>""",
    "name": """
<q-td :props="props" class="is-first wraps"><div><span class="cell-link">
<template v-for="part in (props.value || 'computed').split(/(?=[A-Z][a-z]|_)/)">{{ part }}<wbr>
</template></span><span class="cell-under">{{ props.row.type }}</span>
<q-tooltip v-if="props.row.description" max-width="360px">{{ props.row.description }}</q-tooltip>
</div></q-td>""",
    "sample": """
<q-td :props="props" data-label="Sample" :class="{'is-empty': !props.value}">
<span class="muted sample">{{ props.value }}</span></q-td>""",
    "actions": """
<q-td :props="props" class="is-actions is-narrow"><q-btn v-if="props.row.editable" flat round dense
 icon="auto_fix_high" :aria-label="'Change ' + (props.row.name || props.row.as_)"
 @click="$parent.$parent.$emit('pick', props.row.key)"><q-tooltip>Hash, mask …</q-tooltip>
</q-btn></q-td>""",
}
_INPUT = """
<q-td :props="props" data-label="%(label)s"><q-input dense outlined debounce="300"
 :model-value="props.value" :readonly="!props.row.editable" spellcheck="false"
 :placeholder="props.row.%(placeholder)s" input-class="%(look)s"
 :aria-label="'%(label)s of ' + (props.row.name || props.row.as_)"
 @update:model-value="v => $parent.$parent.$emit('edit',
   {key: props.row.key, field: '%(field)s', value: v || ''})"></q-input></q-td>"""
_EXPRESSIONS = {
    "Hash (personal data)": "SHA256(CAST({0} AS TEXT))",
    "Mask (personal data)": "LEFT(CAST({0} AS TEXT), 1) || '***'",
    "Upper case": "UPPER({0})",
}


class ColumnGrid:
    """The grid, and what was chosen in it."""

    def __init__(self, offered: Sequence[OfferedColumn], task: TaskSpec, *, editable: bool) -> None:
        self._editable = editable
        self._rows = rows_of(offered, task.columns)
        for row in self._rows:
            row["editable"] = editable
        with ui.element("div").classes("tools"):
            search = ui.input(placeholder="Search columns").classes("grow search")
            search.props('outlined dense clearable type=search aria-label="Search columns"')
            if editable:
                button("All", lambda: self._take(all_=True))
                button("None", lambda: self._take(all_=False))
                button("Add Expression", self._add, icon="add")
        self._table = ui.table(
            rows=self._rows, columns=_without_sample(), row_key="key", pagination=0
        )
        self._table.classes("listing tall columns-grid")
        self._table.props("flat hide-bottom dense virtual-scroll")
        for name, slot in _SLOTS.items():
            self._table.add_slot(f"body-cell-{name}", slot)
        name_slot = {
            "label": "Name in the target",
            "field": "as_",
            "placeholder": "name",
            "look": "",
        }
        expression = {"label": "Expression", "field": "expression", "placeholder": "none",
                      "look": "mono"}  # fmt: skip
        self._table.add_slot("body-cell-as_", _INPUT % name_slot)
        self._table.add_slot("body-cell-expression", _INPUT % expression)
        self._table.on("edit", self._edit)
        self._table.on("pick", self._pick)
        search.on_value_change(lambda e: self._table.set_filter(e.value or ""))

    @property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """What was chosen, as a project file has it; empty: every column as it is."""
        return chosen(self._rows)

    def show_samples(self, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show a value of the first rows at each column."""
        self._table.columns = _COLUMNS
        for row in self._rows:
            name = row["as_"] or row["name"]
            if name in names:
                at = names.index(name)
                row["sample"] = next((text_of(r[at]) for r in rows if r[at] is not None), "")
        self._show()

    def leave_out(self, name: str) -> None:
        """Take a column out, by its name in the target."""
        for row in self._rows:
            if (row["as_"] or row["name"]) == name:
                row["taken"] = False
        self._show()

    def _edit(self, event: events.GenericEventArguments) -> None:
        row = self._row(event.args["key"])
        value = event.args["value"]
        row[event.args["field"]] = value.strip() if isinstance(value, str) else value
        if event.args["field"] == "taken":
            self._show()

    async def _pick(self, event: events.GenericEventArguments) -> None:
        row = self._row(event.args)
        with asking(f"Change {row['name'] or row['as_']}") as dialog:
            ui.label("An expression that hides personal data, or tidies it.").classes("muted")
            for word, template in _EXPRESSIONS.items():
                button(word, partial(dialog.submit, template))
            button("As it is", partial(dialog.submit, ""))
        template = await answered(dialog)
        if template is not None:
            name = '"' + row["name"].replace('"', '""') + '"'
            row["expression"], row["taken"] = template.format(name), True
            self._show()

    def _take(self, *, all_: bool) -> None:
        for row in self._rows:
            row["taken"] = all_
        self._show()

    def _add(self) -> None:
        number = len(self._rows)
        new = _row(number, "", "", "")
        new |= {"editable": True, "taken": True, "as_": f"computed_{number}"}
        self._rows.insert(0, new)
        self._show()

    def _row(self, key: int) -> dict[str, Any]:
        return next(row for row in self._rows if row["key"] == key)

    def _show(self) -> None:
        self._table.rows = [dict(row) for row in self._rows]


def _without_sample() -> list[dict[str, str]]:
    return [column for column in _COLUMNS if column["name"] != _SAMPLE]


def rows_of(
    offered: Sequence[OfferedColumn], columns: Sequence[ColumnSpec]
) -> list[dict[str, Any]]:
    """Return a row for each column of the source, and for each that is computed."""
    rows = [
        _row(at, c.name, f"{c.type}{', key' if c.key else ''}", c.description)
        for at, c in enumerate(offered)
    ]
    by_name = {row["name"].lower(): row for row in rows}
    for row in rows:
        row["taken"] = not columns
    for column in columns:
        if isinstance(column, ExpressionSpec):
            row = _row(len(rows), "", "", "")
            rows.append(row | {"expression": column.expression, "as_": column.as_, "taken": True})
            continue
        ((name, renamed),) = column.items() if isinstance(column, dict) else ((column, ""),)
        found = by_name.get(name.lower())
        if found is None:
            found = _row(len(rows), name, "not in the source", "")
            rows.append(found)
        found["taken"], found["as_"] = True, renamed
    return rows


def chosen(rows: Sequence[dict[str, Any]]) -> tuple[ColumnSpec, ...]:
    """Return what rows of the grid say, as a project file has it."""
    plain = all(
        row["taken"] and row["name"] and not row["expression"]
        and row["as_"] in {"", row["name"]}
        for row in rows
    )  # fmt: skip
    if plain:
        return ()
    found: list[ColumnSpec] = []
    for row in rows:
        if not row["taken"]:
            continue
        if row["expression"]:
            as_ = row["as_"] or row["name"]
            found.append(
                ExpressionSpec.model_validate({"expression": row["expression"], "as": as_})
            )
        elif row["as_"] and row["as_"] != row["name"]:
            found.append({row["name"]: row["as_"]})
        elif row["name"]:
            found.append(row["name"])
    return tuple(found)


def _row(key: int, name: str, type_: str, description: str) -> dict[str, Any]:
    return {
        "key": key, "name": name, "type": type_, "description": description, "taken": True,
        "as_": "", "expression": "", "sample": "", "none": "as it is", "editable": False,
    }  # fmt: skip
