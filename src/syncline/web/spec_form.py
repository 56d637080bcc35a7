"""Fields for the settings of a job or a task, made from the model of the project file."""

import types
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nicegui import ui
from pydantic import BaseModel

from syncline.web.parts import heading_2, lead_to

#: Of a choice that is left to Syncline.
_AUTOMATIC = "Automatic"


class SpecForm:
    """A field for each setting; what is empty goes back to its default."""

    def __init__(
        self,
        spec: BaseModel,
        names: Sequence[str],
        titles: Mapping[str, str],
        *,
        choices: Mapping[str, Sequence[str]] | None = None,
        hints: Mapping[str, str] | None = None,
        headings: Mapping[str, str] | None = None,
    ) -> None:
        """Build the fields. ``choices``: of settings of which not every choice makes sense here.

        ``hints``: what to say of settings instead of their descriptions; ``headings``: what stands
        above some of them.
        """
        self._inputs: dict[str, Any] = {}
        self._holders: dict[str, ui.element] = {}
        model = type(spec)
        written = spec.model_dump(mode="json")
        with ui.element("div").classes("form"):
            for name in names:
                if headings and name in headings:
                    heading_2(headings[name])
                info = model.model_fields[name]
                title = titles.get(name, name.strip("_").replace("_", " ").capitalize())
                with ui.element("div") as self._holders[info.alias or name]:
                    self._inputs[info.alias or name] = _input(
                        title,
                        info.annotation,
                        written[name],
                        (hints or {}).get(name) or info.description or "",
                        (choices or {}).get(name) or _choices(info.annotation),
                    )

    @property
    def values(self) -> dict[str, Any]:
        """Settings by their names in a project file; None: back to the default."""
        return {name: _value(made) for name, made in self._inputs.items()}

    def fill(self, name: str, value: Any) -> None:
        """Put a value into a field."""
        self._inputs[name].value = value

    def name_default(self, name: str, text: str) -> None:
        """Say what a choice means that is left to Syncline."""
        made = self._inputs[name]
        offered = {**made.options, "": text}
        if offered != made.options:
            made.set_options(offered, value=made.value)

    def point_at(self, name: str) -> None:
        """Lead to a field, if there is one of that name."""
        if name in self._inputs:
            lead_to(self._inputs[name])

    def show(self, names: Sequence[str], *, visible: bool) -> None:
        """Show or hide fields; hidden ones keep their values."""
        for name in names:
            self._holders[name].set_visibility(visible)


def _input(title: str, annotation: object, value: Any, text: str, choices: Sequence[str]) -> Any:
    if annotation is bool:
        with ui.element("div"):
            made: Any = ui.switch(title, value=value)
            ui.label(text).classes("muted small").style("margin:-4px 0 0 50px")
        return made
    if choices:
        optional = value not in choices or types.NoneType in _union(annotation)
        offered = {"": _AUTOMATIC} if optional else {}
        offered |= {choice: choice for choice in choices}
        made = ui.select(offered, value=value if value in choices else "", label=title)
        made.props("options-dense")
    elif _is(annotation, int) or _is(annotation, float):
        made = ui.number(title, value=value, precision=0 if _is(annotation, int) else None)
    elif typing.get_origin(annotation) is tuple:
        made = ui.input_chips(title, value=list(value or ()), new_value_mode="add-unique")
        made.props("use-chips")
    else:
        shown = str(value)[:10] if _is(annotation, datetime) and value else value or ""
        example = "2026-01-31" if _is(annotation, datetime) else ""
        made = ui.input(title, value=shown, placeholder=example)
    made.props("outlined stack-label")
    made.props["hint"] = text
    return made


def _value(made: Any) -> Any:
    value = made.value
    if isinstance(value, list):
        return value or None
    return None if value == "" else value


def _choices(annotation: object) -> tuple[str, ...]:
    for part in (annotation, *_union(annotation)):
        if typing.get_origin(part) is typing.Literal:
            return tuple(str(choice) for choice in typing.get_args(part))
    return ()


def _is(annotation: object, wanted: type) -> bool:
    return wanted in (annotation, *_union(annotation))


def _union(annotation: object) -> tuple[object, ...]:
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return tuple(inner for part in typing.get_args(annotation) for inner in _plain(part))
    return _plain(annotation)


def _plain(annotation: object) -> tuple[object, ...]:
    """Return a type without what is annotated to it."""
    if typing.get_origin(annotation) is typing.Annotated:
        return (typing.get_args(annotation)[0],)
    return (annotation,)
