"""Texts of manifests as templates of profiles."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.profile.airbyte.expressions import (
    Choice,
    Constant,
    Expression,
    Formatted,
    Now,
    Reference,
    read,
    segments,
    shown,
    text_of,
)
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.settings import Settings
from syncline.profile.template import places

#: What a row of a partition router is called; the name inside is `Scope.partitions`.
PARTITION = frozenset({"stream_partition", "stream_slice"})
#: What a window of time is called, too.
_WALKED = PARTITION | {"stream_interval"}
_MOMENTS = {"start_time": "{value}", "end_time": "{until}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What texts at some place of a manifest may name."""

    settings: Settings
    parameters: Mapping[str, Any] = field(default_factory=dict)
    #: Templates of profiles, by the names that manifests have for them.
    partitions: Mapping[str, str] = field(default_factory=dict)
    #: Whether a window's start and end are known as {value} and {until}.
    timed: bool = False
    #: Where a choice between two constants becomes a setting: its name.
    choice: str = ""
    #: Settings named here prove who asks.
    secret: bool = False


def template(text: Any, scope: Scope) -> str:
    """Return a text of a manifest as a profile has it. Raises `Refused`."""
    if not isinstance(text, str):
        return text_of(text)
    return "".join(_part(part, scope, text) for part in segments(text))


def expression(text: Any, parameters: Mapping[str, Any]) -> Expression:
    """Return what a whole text means. Raises `Refused`."""
    parts = segments(text) if isinstance(text, str) else []
    match parts:
        case [ast.expr() as only]:
            return read(only, parameters)
        case []:
            return Constant(value=text)
        case [str()]:
            return Constant(value=text)
        case _:
            raise Refused(f"the template {shown(str(text))}")


def _part(part: str | ast.expr, scope: Scope, whole: str) -> str:
    if isinstance(part, str):
        if places(part):
            raise Refused(f"braces in {shown(whole)}", "they would name a setting")
        return part
    match read(part, scope.parameters):
        case Constant(value=None):
            found = ""
        case Constant(value=str() | int() | float() as value):
            found = text_of(value)
        case Reference(root="config") as reference:
            found = f"{{{scope.settings.name(reference, secret=scope.secret)}}}"
        case Reference(root=root, path=path) if root in _WALKED:
            found = _of_walk(root, path, scope, whole)
        case Choice() as choice if scope.choice:
            found = f"{{{scope.settings.chosen(scope.choice, choice)}}}"
        case Now(day=True) | Formatted(moment=Now(), pattern="%Y-%m-%d"):
            found = "{today}"
        case Formatted(moment=Reference(root="config")):
            raise Refused(f"the moment {shown(whole)}", "it is not sent as it is given")
        case _:
            raise Refused(f"the Jinja template {shown(whole)}")
    return found


def _of_walk(root: str, path: tuple[Any, ...], scope: Scope, whole: str) -> str:
    """Return what stands for a window's start or end, or for a partition's value."""
    name = str(path[0]) if len(path) == 1 else ""
    known = None
    if root in PARTITION:
        known = scope.partitions.get(name)
    if known is None and scope.timed:
        known = _MOMENTS.get(name)
    if known is None:
        raise Refused(f"the partition's value in {shown(whole)}")
    return known
