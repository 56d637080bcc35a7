"""Cursors by date and time as the incremental part of a table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from syncline.profile.airbyte.expressions import Constant, Formatted, Now, Reference, shown
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component
from syncline.profile.airbyte.paging import option_of
from syncline.profile.airbyte.templates import Scope, expression, template

_FORMATS = {
    "%s": "epoch", "%ms": "epoch_ms", "%Y-%m-%d": "date",
    "%Y-%m-%dT%H:%M:%SZ": "iso8601", "%Y-%m-%dT%H:%M:%S%Z": "iso8601",
}  # fmt: skip
_DURATION = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
#: A moment of the state, or else the start of the configuration, and how it is written.
_STATE = re.compile(
    r"\{\{\s*format_datetime\((?=[^|~+*]*\bstream_state\b)(?=[^|~+*]*\bconfig\b)[^|~+*]*,"
    r"\s*'([^']+)'\s*\)\s*\}\}",
    re.DOTALL,
)
#: Of years, months, weeks, days, hours, minutes and seconds; months are the shortest there are.
_SECONDS = (365 * 86400, 28 * 86400, 7 * 86400, 86400, 3600, 60, 1)
_OVERLAP = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How a table is asked for what is new; empty if it is not."""

    incremental: Mapping[str, Any] = field(default_factory=dict)
    #: Request parameters that are taken over by it.
    taken: frozenset[str] = frozenset()
    body: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def times_of(
    component: Component | None, parameters: Mapping[str, Any], scope: Scope, *, keyed: bool
) -> Times:
    """Return an incremental_sync as profiles have it. Raises `Refused`.

    ``parameters``: those of the requester, which may name the window's start and end. ``keyed``:
    the table has a primary key.
    """
    if component is None:
        return Times()
    if component.type != "DatetimeBasedCursor":
        raise Refused(component.type or "incremental_sync")
    column = template(component.get("cursor_field"), scope)
    start = option_of(component.part("start_time_option"), "start_time_option")
    end = option_of(component.part("end_time_option"), "end_time_option")
    form = _format(component.get("datetime_format"))
    found: dict[str, Any] = {"column": column}
    taken: dict[str, Any] = {}
    if start is not None:
        found |= {"parameter": start.parameter}
    else:
        taken, form = _in_parameters(parameters, scope, form)
        found |= taken
    if "parameter" not in found:
        why = "nothing asks the API for what is new, so the table is read whole each time"
        return Times(notes=(f"the cursor {column!r}: {why}",))
    if end is not None:
        found["until"] = end.parameter
    if form != "iso8601":
        found["format"] = form
    begin, notes = _start(component, scope)
    if begin:
        found["start"] = begin
    overlap, more = _length(component, "lookback_window", scope)
    notes += more
    if overlap:
        found["overlap"] = max(overlap, _OVERLAP)
    notes += _end(component)
    found, more = _stepped(component, scope, found, keyed=keyed)
    places = {o.parameter: o.place for o in (start, end) if o is not None and o.place}
    names = frozenset(str(taken[key]) for key in ("parameter", "until") if key in taken)
    return Times(incremental=found, taken=names, body=places, notes=(*notes, *more))


def _stepped(
    component: Component, scope: Scope, found: dict[str, Any], *, keyed: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    step, notes = _length(component, "step", scope)
    bounded = "until" in found or "{until}" in found.get("value", "")
    if not step or not bounded or "start" not in found:
        return found, notes if step and bounded else ()
    stepped = {**found, "step": step}
    if not keyed:
        granularity, _ = _length(component, "cursor_granularity", scope)
        stepped["granularity"] = max(granularity, 1)
    return stepped, notes


def _in_parameters(
    parameters: Mapping[str, Any], scope: Scope, form: str
) -> tuple[dict[str, Any], str]:
    """Return what request parameters say of the window's start and end."""
    found: dict[str, Any] = {}
    for name, text in parameters.items():
        if not isinstance(text, str) or not re.search(r"start_time|end_time|stream_state", text):
            continue
        plain = text
        inner = _formatted(text, scope)
        if inner is not None:
            plain, form = inner
        value = template(plain, Scope(**{**_fields(scope), "timed": True}))
        if "{value}" in value:
            if "parameter" in found:
                raise Refused("two parameters with a window's start")
            found |= {"parameter": name} | ({} if value == "{value}" else {"value": value})
        elif value == "{until}":
            found["until"] = name
        elif "{until}" in value:
            raise Refused(f"the parameter {name}", "only the window's end with more text around it")
    return found, form


def _formatted(text: str, scope: Scope) -> tuple[str, str] | None:
    """Return a moment of the window and its format, of a text that is nothing else."""
    state = _STATE.fullmatch(text.strip())
    if state is not None:
        # The later of the configured start and what is known already: where a window starts.
        return "{{ stream_interval.start_time }}", _format(state[1])
    try:
        found = expression(text, scope.parameters)
    except Refused:
        return None
    match found:
        case Formatted(
            moment=Reference(root=root, path=("start_time" | "end_time" as moment,)),
            pattern=pattern,
        ):
            return f"{{{{ {root}.{moment} }}}}", _format(pattern)
        case _:
            return None


def _fields(scope: Scope) -> dict[str, Any]:
    return {name: getattr(scope, name) for name in scope.__slots__}


def _format(pattern: Any) -> str:
    if not isinstance(pattern, str):
        raise Refused("datetime_format", str(pattern))
    known = _FORMATS.get(pattern)
    if known is not None:
        return known
    if "%_ms" in pattern or "%ms" in pattern or "%s" in pattern or "%" not in pattern:
        raise Refused("datetime_format", pattern)
    return pattern


def _start(component: Component, scope: Scope) -> tuple[str, tuple[str, ...]]:
    text, pattern = _moment(component, "start_datetime")
    if text is None:
        return "", ()
    found = expression(text, component.parameters)
    while isinstance(found, Formatted):
        found = found.moment
    match found:
        case Constant(value=value):
            return _iso(str(value), pattern), ()
        case Reference(root="config") as reference:
            name = scope.settings.name(reference)
            note = ""
            if pattern is not None and not pattern.startswith("%Y-%m-%d"):
                note = f"{name}: written as 2025-01-31, not as {pattern}"
            return f"{{{name}}}", (note,) if note else ()
        case _:
            raise Refused("start_datetime", shown(str(text)))


def _end(component: Component) -> tuple[str, ...]:
    text, _ = _moment(component, "end_datetime")
    if text is None:
        return ()
    try:
        found = expression(text, component.parameters)
    except Refused:
        found = Constant(value=text)
    while isinstance(found, Formatted):
        found = found.moment
    return () if isinstance(found, Now) else (f"end_datetime {shown(str(text))}: reads up to now",)


def _moment(component: Component, name: str) -> tuple[Any, str | None]:
    """Return the text of a moment, and how it is written."""
    given = component.get(name)
    if not isinstance(given, Mapping):
        return given, component.get("datetime_format")
    inner = component.part(name)
    assert inner is not None  # noqa: S101 (a mapping that is not empty)
    return inner.get("datetime"), inner.get("datetime_format") or component.get("datetime_format")


def _iso(text: str, pattern: str | None) -> str:
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        if pattern == "%s":
            return datetime.fromtimestamp(float(text), UTC).isoformat()
        return datetime.strptime(text, pattern or "").replace(tzinfo=UTC).isoformat()
    except ValueError:
        raise Refused("start_datetime", f"{text!r} written as {pattern}") from None


def _length(component: Component, name: str, scope: Scope) -> tuple[int, tuple[str, ...]]:
    """Return a duration in whole seconds, 0 if it is not there; and what is to be noted of it."""
    given = component.get(name)
    if given is None:
        return 0, ()
    notes: tuple[str, ...] = ()
    text = str(given)
    for expression_ in re.findall(r"\{\{.*?\}\}", text):
        found = expression(expression_, scope.parameters)
        match found:
            case Constant(value=value):
                text = text.replace(expression_, str(value))
            case Reference(root="config") as reference if (
                scope.settings.default(reference) is not None
            ):
                text = text.replace(expression_, str(scope.settings.default(reference)))
                notes = (f"{name}: always {text}, whatever the configuration says",)
            case _:
                raise Refused(name, shown(str(given)))
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise Refused(name, shown(str(given)))
    seconds = sum(float(n or 0) * each for n, each in zip(parts.groups(), _SECONDS, strict=True))
    return int(seconds), notes
