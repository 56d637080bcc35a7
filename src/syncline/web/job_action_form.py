"""Fields for what is done before and after the runs of a job."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from syncline.control.action_specs import ActionSpec
from syncline.web.parts import button, heading_2

_KINDS = {
    "sql": "SQL on the destination",
    "http": "Request",
    "job": "Start another job",
    "command": "Command",
}
_ON_ERROR = {"stop": "Stop, the run has failed", "go_on": "Go on, note it in the log"}
_WHEN = {"succeeded": "has succeeded", "failed": "has failed", "ended": "has ended, however"}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
#: Of every kind; others belong to one.
_COMMON = ("on_error", "when", "timeout")


class ActionForm:
    """The actions of one phase, in their order."""

    def __init__(
        self, title: str, hint: str, actions: Sequence[ActionSpec], *, after: bool, may: bool
    ) -> None:
        self._title = title
        self._after = after
        self._may = may
        self._actions = [a.model_dump(mode="json", exclude_defaults=True) for a in actions]
        heading_2(title)
        ui.label(hint).classes("muted")
        self._list = ui.element("div").classes("rows")
        self._show()
        if may:
            with ui.element("div").classes("row-line"):
                button(f"Add Action {title}", self._add, icon="add")

    @property
    def value(self) -> list[dict[str, Any]]:
        """The actions as a project file has them."""
        return [
            {name: value for name, value in action.items() if value not in (None, "")}
            for action in self._actions
        ]

    def _show(self) -> None:
        self._list.clear()
        with self._list:
            for number, action in enumerate(self._actions, 1):
                group = ui.element("div").classes("rows")
                group.props(f'role=group aria-label="{self._title} {number}"')
                with group:
                    self._show_one(action)
                ui.separator()

    def _show_one(self, action: dict[str, Any]) -> None:
        kind = next(k for k in _KINDS if k in action)
        with ui.element("div").classes("fields"):
            chosen = ui.select(_KINDS, value=kind, label="What").props(_SELECT)
            chosen.on_value_change(lambda e: self._choose(action, str(e.value)))
            on_error = ui.select(
                _ON_ERROR, value=action.get("on_error", "stop"), label="If it fails"
            )
            _bound(on_error.props(_SELECT), action, "on_error")
            if self._after:
                when = ui.select(_WHEN, value=action.get("when", "succeeded"), label="When the run")
                _bound(when.props(_SELECT), action, "when")
            timeout = ui.number("Seconds that it may take", value=action.get("timeout", 300), min=1)
            _bound(timeout.props(_INPUT), action, "timeout")
            self._show_kind(kind, action)
        if kind == "sql":
            text = ui.textarea("SQL", value=action["sql"]).props(f"{_INPUT} autogrow")
            _bound(text.classes("mono w-full"), action, "sql")
        if self._may:
            with ui.element("div").classes("row-line"):
                button("Remove", lambda: self._remove(action), icon="delete")

    def _show_kind(self, kind: str, action: dict[str, Any]) -> None:
        match kind:
            case "http":
                request = action["http"]
                method = ui.select(_METHODS, value=request.get("method", "POST"), label="Method")
                _bound(method.props(_SELECT), request, "method")
                url = ui.input("Address", value=request.get("url", "")).props(_INPUT)
                url.props["hint"] = "Headers and body: in the YAML tab. ${NAME} is a variable."
                _bound(url, request, "url")
            case "job":
                _bound(ui.input("Job", value=action["job"]).props(_INPUT), action, "job")
            case "command":
                command = ui.input("Command", value=action["command"], placeholder="dbt build")
                command.props["hint"] = "A program that the node's administrator allows."
                _bound(command.props(_INPUT), action, "command")
                folder = ui.input("Folder", value=action.get("folder", ""))
                _bound(folder.props(_INPUT), action, "folder")

    def _choose(self, action: dict[str, Any], kind: str) -> None:
        kept = {k: v for k, v in action.items() if k in _COMMON}
        action.clear()
        action.update({kind: {"url": ""} if kind == "http" else "", **kept})
        self._show()

    def _add(self) -> None:
        self._actions.append({"sql": ""})
        self._show()

    def _remove(self, action: dict[str, Any]) -> None:
        self._actions = [kept for kept in self._actions if kept is not action]
        self._show()


_INPUT = "outlined stack-label spellcheck=false"
_SELECT = "outlined stack-label options-dense"


def _bound(field: Any, values: dict[str, Any], name: str) -> None:
    field.on_value_change(lambda e: values.update({name: e.value}))
