"""Paginators of manifests, with their stop conditions."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from syncline.profile.airbyte.expressions import (
    Constant,
    Expression,
    Reference,
    Step,
    Sum,
    dotted,
    read,
    segments,
    shown,
)
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component
from syncline.profile.airbyte.templates import expression

_LAST = ("next", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How pages follow each other, as profiles have it."""

    pagination: Mapping[str, Any] = field(default_factory=lambda: {"type": "none"})
    page: Mapping[str, Any] | None = None
    #: Parameters that go in the body, by their places in it.
    body: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Where a value of the paginator, or of time, goes in the request."""

    parameter: str
    #: Dotted place in the body; '' if it goes in the address.
    place: str = ""


def option_of(component: Component | None, what: str) -> Option | None:
    """Return where a value goes; None if the manifest does not say. Raises `Refused`."""
    if component is None:
        return None
    into = component.get("inject_into")
    name = component.get("field_name")
    path = component.get("field_path") if isinstance(component.get("field_path"), list) else None
    if isinstance(name, str) and "{{" in name:
        found = expression(name, component.parameters)
        name = found.value if isinstance(found, Constant) else None
    if not path and not isinstance(name, str):
        raise Refused(what, "it has no field name")
    match into:
        case "request_parameter" if isinstance(name, str):
            return Option(parameter=name)
        case "body_json" | "body_data":
            place = dotted(path or [name], what)
            return Option(parameter=place.replace(".", "_"), place=place)
        case _:
            raise Refused(what, f"into {into!r}")


def paging_of(component: Component | None, records: str, asked: str | None) -> Paging:
    """Return a paginator as profiles have it. Raises `Refused`.

    ``records``: the dotted path of the records. ``asked``: the request parameter that is the
    page's token, where that is said there.
    """
    if component is None or component.type == "NoPagination":
        return Paging()
    if component.type not in {"", "DefaultPaginator"}:
        raise Refused(component.type)
    strategy = component.part("pagination_strategy")
    if strategy is None:
        raise Refused("DefaultPaginator", "without a pagination_strategy")
    token = component.part("page_token_option")
    by_path = token is not None and (
        token.type == "RequestPath" or token.get("inject_into") == "path"
    )
    option = None if by_path else option_of(token, "page_token_option")
    if option is None and asked is not None:
        option = Option(parameter=asked)
    size, notes = _size(strategy)
    size_option = option_of(component.part("page_size_option"), "page_size_option")
    if option is not None and size_option is not None and option == size_option:
        raise Refused("DefaultPaginator", f"{option.parameter} is both size and place of a page")
    page: dict[str, Any] = {"size": size} if size else {}
    if size_option is not None and size:
        page["parameter"] = size_option.parameter
    match strategy.type:
        case "PageIncrement" | "OffsetIncrement":
            pagination = _counted(strategy, option)
        case "CursorPagination":
            pagination = _cursor(strategy, option, _Known(records=records, size=size))
        case other:
            raise Refused(other or "a pagination_strategy without type")
    places = {o.parameter: o.place for o in (option, size_option) if o is not None and o.place}
    return Paging(pagination=pagination, page=page or None, body=places, notes=notes)


def _size(strategy: Component) -> tuple[int | None, tuple[str, ...]]:
    given = strategy.get("page_size")
    if given is None:
        return None, ()
    notes: tuple[str, ...] = ()
    text = given
    if isinstance(given, str) and "{{" in given:
        found = expression(given, strategy.parameters)
        if isinstance(found, Reference) and found.default is not None:
            notes = (f"page_size: always {found.default}, not {'.'.join(map(str, found.path))}",)
            given = found.default
        else:
            given = found.value if isinstance(found, Constant) else text
            if given is None:
                return None, ()
    try:
        return int(given), notes
    except (TypeError, ValueError):
        raise Refused("page_size", shown(str(strategy.get("page_size")))) from None


def _counted(strategy: Component, option: Option | None) -> dict[str, Any]:
    if option is None:
        raise Refused(strategy.type, "without a page_token_option")
    on_first = bool(strategy.get("inject_on_first_request", False))
    if strategy.type == "OffsetIncrement":
        found: dict[str, Any] = {"type": "offset", "parameter": option.parameter}
        return {**found, "on_first": True} if on_first else found
    start = strategy.get("start_from_page", 0)
    found = {"type": "page_number", "parameter": option.parameter}
    if start != 1:
        found["first_page"] = int(start)
    return found if on_first else {**found, "on_first": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    records: str
    size: int | None
    cursor: Expression = Constant(value=None)  # noqa: RUF009 (it cannot be changed)


def _cursor(strategy: Component, option: Option | None, known: _Known) -> dict[str, Any]:
    cursor = expression(strategy.get("cursor_value"), strategy.parameters)
    stop = strategy.get("stop_condition")
    ending = _stop(stop, strategy, replace(known, cursor=cursor))
    match cursor:
        case Reference(root="response"):
            return _of_response(cursor, option, ending)
        case Reference(root="headers", path=(str(name), *rest)) if name.lower() == "link":
            if option is None and tuple(rest) in {_LAST, ("next",)}:
                return {"type": "link_header"}
        case Reference(root="headers", path=(str(name),)) if option is not None:
            return {"type": "token", "header": name, "parameter": option.parameter, **ending}
        case (
            Reference(root="last_record", path=path)
            | Reference(root="last_records", path=(-1, *path))
        ) if option is not None and path:
            place = dotted(path, "cursor_value")
            return {"type": "last_record", "path": place, "parameter": option.parameter, **ending}
        case Sum(reference=Reference(root="response"), number=1) if option is not None:
            if set(ending) <= {"more"}:
                found = {"type": "page_number", "parameter": option.parameter, "on_first": False}
                return {**found, **ending}
        case _:
            pass
    raise Refused(
        "CursorPagination", f"the cursor_value {shown(str(strategy.get('cursor_value')))}"
    )


def _of_response(
    cursor: Reference, option: Option | None, ending: Mapping[str, str]
) -> dict[str, Any]:
    if option is not None:
        found = {"type": "token", "path": cursor.dotted, "parameter": option.parameter}
        return {**found, **ending}
    if ending:
        raise Refused("CursorPagination", f"next addresses that end by {', '.join(ending)}")
    return {"type": "next_link", "path": cursor.dotted}


def _stop(condition: Any, strategy: Component, known: _Known) -> dict[str, str]:
    """Return how a walk ends beside a cursor that is not there. Raises `Refused`."""
    if condition in (None, "", False):
        return {}
    parts = segments(str(condition))
    if len(parts) != 1 or isinstance(parts[0], str):
        raise Refused("CursorPagination", f"the stop_condition {shown(str(condition))}")
    return _ends(parts[0], strategy, known)


def _ends(node: ast.expr, strategy: Component, known: _Known) -> dict[str, str]:
    match node:
        case ast.BoolOp(values=values):
            each = [_ends(value, strategy, known) for value in values]
            found = {key: text for one in each for key, text in one.items()}
            if isinstance(node.op, ast.And) and found:
                raise _unknown(node)
            return found
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _falsy(inner, strategy, known)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(left, operator, right, strategy, known)
        case _:
            raise _unknown(node)


def _falsy(node: ast.expr, strategy: Component, known: _Known) -> dict[str, str]:
    found = _without_length(node, strategy)
    if not isinstance(found, Reference):
        raise _unknown(node)
    if found.root == "last_records" and not found.path:
        return {"ends": "empty"}
    if _leads_to(found, known.cursor):
        return {}
    if found.root == "response":
        return {"ends": "empty"} if found.dotted == known.records else {"more": found.dotted}
    raise _unknown(node)


def _compared(
    left: ast.expr, operator: ast.cmpop, right: ast.expr, strategy: Component, known: _Known
) -> dict[str, str]:
    first, second = _without_length(left, strategy), _without_length(right, strategy)
    node = ast.Compare(left=left, ops=[operator], comparators=[right])
    match first, operator, second:
        case Constant(value=str(key)), ast.NotIn(), Reference() as inside:
            if _leads_to(Reference(root=inside.root, path=(*inside.path, key)), known.cursor):
                return {}
        case Reference(root="last_page_size" | "last_records", path=()), _, Constant(value=int(n)):
            return _by_size(operator, n, known, node)
        case Reference() as asked, ast.Eq() | ast.Is(), Constant(value=value):
            if _leads_to(asked, known.cursor) and not value:
                return {}
            if asked.root == "response" and value is False:
                return {"more": asked.dotted}
        case _:
            pass
    raise _unknown(node)


def _by_size(operator: ast.cmpop, number: int, known: _Known, node: ast.expr) -> dict[str, str]:
    if (isinstance(operator, ast.Eq | ast.LtE) and number == 0) or (
        isinstance(operator, ast.Lt) and number == 1
    ):
        return {"ends": "empty"}
    if isinstance(operator, ast.Lt) and number == known.size:
        return {"ends": "short"}
    raise _unknown(node)


def _without_length(node: ast.expr, strategy: Component) -> Expression:
    """Return what is compared; a list stands for its length."""
    match node:
        case ast.BinOp(op=ast.BitOr(), left=inner, right=ast.Name(id="length" | "count")):
            return read(inner, strategy.parameters)
        case _:
            return read(node, strategy.parameters)


def _leads_to(found: Reference, cursor: Expression) -> bool:
    """Say whether nothing at a path means that there is no cursor."""
    inner = cursor.reference if isinstance(cursor, Sum) else cursor
    if not isinstance(inner, Reference) or inner.root != found.root:
        return False
    own: tuple[Step, ...] = found.path
    return inner.path[: len(own)] == own


def _unknown(node: ast.expr) -> Refused:
    return Refused("CursorPagination", f"the stop_condition {shown(ast.unparse(node))}")
