"""The values of a query's @parameters, a line each."""

import json
from collections.abc import Mapping

from nicegui import ui

from syncline.errors import Invalid
from syncline.model.table import Value


class ParameterField:
    """A text of lines ``name = value``."""

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        lines = (f"{name} = {_written(value)}" for name, value in parameters.items())
        self._text = ui.textarea("Parameters", value="\n".join(lines))
        self._text.props("outlined stack-label autogrow spellcheck=false").classes("mono w-full")
        self._text.props["hint"] = "Values of @name in the query, a line each: status = Open"

    @property
    def value(self) -> dict[str, Value]:
        """The parameters by name. Raises `Invalid` for a line that is none."""
        return parameters_of(self._text.value or "")


def parameters_of(text: str) -> dict[str, Value]:
    """Return the parameters that lines of text give; what is no JSON is text.

    Raises `Invalid` with the line that is none.
    """
    found: dict[str, Value] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        name = name.strip().removeprefix("@")
        if not equals or not name:
            raise Invalid(f"{line.strip()!r} is no parameter", hint="write name = value")
        found[name] = _read(value.strip())
    return found


def _read(text: str) -> Value:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool) else text


def _written(value: Value) -> str:
    """Return a value so that reading it gives the same one."""
    if isinstance(value, str) and parameters_of(f"name = {value}") == {"name": value}:
        return value
    return json.dumps(value, ensure_ascii=False)
