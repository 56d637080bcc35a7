"""Jinja expressions of manifests, read as far as profiles have an equal; nothing is evaluated."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from syncline.profile.airbyte.findings import Refused

#: A step into a value: a key, or a place in a list.
Step: TypeAlias = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A value."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Something inside of ``config``, ``response``, ``record`` … at a path."""

    root: str
    path: tuple[Step, ...] = ()
    #: The value where there is nothing at the path.
    default: Any = None

    @property
    def dotted(self) -> str:
        """The path with dots between, as profiles have it."""
        if any(isinstance(step, int) or not step or "." in step for step in self.path):
            raise Refused(f"the path {list(self.path)} of {self.root}", "it cannot be written")
        return ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The time at which it is asked, or only its day."""

    day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A moment, written after a pattern."""

    moment: "Expression"
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of two constants, as something in the configuration says."""

    condition: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A reference and a whole number added to it."""

    reference: Reference
    number: int


Expression: TypeAlias = Constant | Reference | Now | Formatted | Choice | Sum

_SEGMENT = re.compile(r"\{\{(.*?)\}\}(?!\})", re.DOTALL)
_NOW = {"now_utc", "today_utc", "now_local", "today"}
_WORDS: Mapping[str, Any] = {
    "none": None, "None": None, "true": True, "True": True, "false": False, "False": False,
}  # fmt: skip


def segments(text: str) -> list[str | ast.expr]:
    """Return a template in parts: texts as they are, and what stands in double braces, parsed.

    Raises `Refused` for statements and what cannot be read.
    """
    if "{%" in text:
        raise Refused(f"the Jinja statement in {shown(text)}")
    found: list[str | ast.expr] = []
    for place, part in enumerate(_SEGMENT.split(text)):
        if place % 2:
            found.append(parsed(part))
        elif part:
            if "{{" in part or "}}" in part:
                raise Refused(f"the Jinja template {shown(text)}")
            found.append(part)
    return found


def parsed(text: str) -> ast.expr:
    """Return a Jinja expression as Python's tree. Raises `Refused`."""
    plain = re.sub(r"\bis\s+not\s+defined\b", "is None", " ".join(text.split()))
    plain = re.sub(r"\bis\s+defined\b", "is not None", plain)
    plain = re.sub(r"\bis\s+not\s+(?:none|None)\b", "is not None", plain)
    try:
        return ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused(f"the Jinja expression {shown(text)}") from None


def read(node: ast.expr, parameters: Mapping[str, Any]) -> Expression:
    """Return what an expression means; ``parameters`` are known and put in. Raises `Refused`."""
    found: Expression
    match node:
        case ast.Constant(value=value):
            found = Constant(value=value)
        case ast.Name(id=name) if name in _WORDS:
            found = Constant(value=_WORDS[name])
        case ast.IfExp():
            found = _choice(node, parameters)
        case ast.BinOp(op=ast.Add()) as addition:
            found = _sum(addition, parameters)
        case ast.BoolOp(op=ast.Or(), values=[first, ast.Constant(value=value)]):
            found = _or_else(_known(_reference(first), parameters), value)
        case ast.Call():
            found = _called(node, parameters)
        case ast.List() | ast.Tuple() | ast.Dict():
            found = _literal(node, parameters)
        case _:
            found = _known(_reference(node), parameters)
    return found


def _called(node: ast.Call, parameters: Mapping[str, Any]) -> Expression:
    match node:
        case ast.Call(
            func=ast.Name(id="format_datetime"), args=[moment, ast.Constant(value=str(p))]
        ):
            return Formatted(moment=read(moment, parameters), pattern=p)
        case ast.Call(
            func=ast.Attribute(value=moment, attr="strftime"), args=[ast.Constant(value=p)]
        ):
            return Formatted(moment=read(moment, parameters), pattern=str(p))
        case ast.Call(func=ast.Name(id=name), args=[]) if name in _NOW:
            return Now(day=name.startswith("today"))
        case _:
            return _known(_reference(node), parameters)


def _or_else(found: Expression, default: Any) -> Expression:
    match found:
        case Reference(root="config"):
            return replace(found, default=default)
        case Constant(value=value):
            return Constant(value=value or default)
        case _:
            raise Refused(f"the Jinja expression … or {default!r}")


def _reference(node: ast.expr) -> Reference:
    match node:
        case ast.Name(id=name):
            return Reference(root=name)
        case ast.Attribute(value=inner, attr=step):
            return _into(_reference(inner), step)
        case ast.Subscript(value=inner, slice=ast.Constant(value=str() | int() as step)):
            return _into(_reference(inner), step)
        case ast.Subscript(
            value=inner,
            slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as place)),
        ):
            return _into(_reference(inner), -place)
        case ast.Call(
            func=ast.Attribute(value=inner, attr="get"),
            args=[ast.Constant(value=str() as step), *rest],
        ):
            default = rest[0].value if rest and isinstance(rest[0], ast.Constant) else None
            return _into(_reference(inner), step, default)
        case _:
            raise Refused(f"the Jinja expression {shown(ast.unparse(node))}")


def _into(reference: Reference, step: Step, default: Any = None) -> Reference:
    return Reference(root=reference.root, path=(*reference.path, step), default=default)


def _known(found: Reference, parameters: Mapping[str, Any]) -> Expression:
    if found.root not in {"parameters", "options"}:
        return found
    value: Any = parameters
    for step in found.path:
        inside = isinstance(value, Mapping) and step in value
        value = value[step] if inside else found.default
    return Constant(value=value)


def _literal(node: ast.expr, parameters: Mapping[str, Any]) -> Expression:
    if isinstance(node, ast.List) and len(node.elts) == 1:
        inner = read(node.elts[0], parameters)
        if isinstance(inner, Constant):
            return Constant(value=[inner.value])
    try:
        return Constant(value=ast.literal_eval(node))
    except ValueError:
        raise Refused(f"the Jinja expression {shown(ast.unparse(node))}") from None


def _choice(node: ast.IfExp, parameters: Mapping[str, Any]) -> Expression:
    match read(node.body, parameters), read(node.orelse, parameters):
        case Constant(value=str(yes)), Constant(value=str(no)):
            return Choice(condition=ast.unparse(node.test), yes=yes, no=no)
        case _:
            raise Refused(f"the Jinja expression {shown(ast.unparse(node))}")


def _sum(node: ast.BinOp, parameters: Mapping[str, Any]) -> Expression:
    match read(node.left, parameters), read(node.right, parameters):
        case Constant(value=str(left)), Constant(value=str(right)):
            return Constant(value=left + right)
        case Reference() as reference, Constant(value=int(number)):
            return Sum(reference=reference, number=number)
        case _:
            raise Refused(f"the Jinja expression {shown(ast.unparse(node))}")


def text_of(value: Any) -> str:
    """Return a constant as it is sent."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(text: str) -> str:
    """Return the beginning of a template, for messages."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"


_SHOWN = 120


def dotted(path: Sequence[Any], what: str) -> str:
    """Return a path as profiles have it. Raises `Refused` if it cannot be written."""
    steps = [str(step) for step in path]
    if any(not step or "." in step or "*" in step for step in steps):
        raise Refused(what, f"the path {steps} cannot be written")
    return ".".join(steps)
