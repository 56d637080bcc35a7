"""The body of a request: parameters put where the profile says, and its bytes. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import msgspec

from syncline.profile.pagination import Body, Request, Text
from syncline.profile.posting import FormBody, GraphQLBody, Posting, QueryText
from syncline.profile.template import fill, places

#: What JSON writes without quotes.
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")


def body_of(posting: Posting, values: Mapping[str, str], plain: frozenset[str]) -> Body:
    """Return the body of a table's requests, without parameters.

    ``plain``: parameters that are sent as JSON writes them, beside those of the profile. Raises
    `ProfileError` for a template that names what has no value.
    """
    in_address = frozenset(posting.in_address)
    if isinstance(posting, FormBody):
        return Body(kind="form", in_address=in_address)
    content: Any
    if isinstance(posting, GraphQLBody):
        content = {"query": posting.query, "variables": _filled(posting.variables, values)}
        default: tuple[str, ...] = ("variables",)
    else:
        content, default = _filled(posting.content, values), ()
    places = {name: (*default, *path.split(".")) for name, path in posting.places.items()}
    return Body(
        kind=posting.type,
        content=json.dumps(content),
        places=tuple(places.items()),
        default=default,
        in_address=in_address,
        plain=plain | frozenset(posting.plain),
        lists=frozenset(posting.lists),
    )


def text_of(query: QueryText) -> Text:
    """Return the text of a table's requests."""
    escapes = tuple(query.escapes.items())
    return Text(parameter=query.parameter, parts=query.parts, escapes=escapes)


def posted(request: Request) -> tuple[Request, bytes | None]:
    """Return the request as it is sent, with the parameters that stay in its address; its body."""
    if request.text is not None:
        request = _worded(request, request.text)
    body = request.body
    if body is None:
        return request, None
    sent = [p for p in request.parameters if not p[0].startswith("\0")]
    inside = [p for p in sent if p[0] not in body.in_address]
    if body.kind == "form":
        kind, content = "application/x-www-form-urlencoded", urlencode(inside).encode()
    else:
        kind, content = "application/json", _json(body, inside)
    return replace(
        request,
        parameters=tuple(p for p in sent if p[0] in body.in_address),
        headers=(*request.headers, ("Content-Type", kind)),
    ), content


def _worded(request: Request, text: Text) -> Request:
    """Return the request with a text in place of the parameters that stand in it."""
    if request.get(text.parameter) is not None:
        return request  # an address that the API gave has it already
    values: dict[str, str] = {}
    for name, value in request.parameters:
        values[name] = f"{values[name]},{value}" if name in values else value
    table = str.maketrans(dict(text.escapes))
    values = {name: value.translate(table) for name, value in values.items()}
    inside = {place for part in text.parts for place in places(part)}
    whole = " ".join(fill(p, values) for p in text.parts if values.keys() >= set(places(p)))
    kept = tuple(p for p in request.parameters if p[0] not in inside)
    return replace(request, parameters=(*kept, (text.parameter, whole)), text=None)


def _json(body: Body, parameters: Sequence[tuple[str, str]]) -> bytes:
    content: dict[str, Any] = msgspec.json.decode(body.content)
    places = dict(body.places)
    found: dict[str, list[Any]] = {}
    for name, text in parameters:
        texts = text.split(",") if name in body.lists else [text]
        found.setdefault(name, []).extend(
            _value(each) if name in body.plain else each for each in texts
        )
    for name, values in found.items():
        whole = len(values) > 1 or name in body.lists
        _put(content, places.get(name, (*body.default, name)), values if whole else values[0])
    return msgspec.json.encode(content)


def _put(inside: Any, place: Sequence[str], value: Any) -> None:
    """Set what is at a place. Objects that are missing on the way are made."""
    step: Any
    step, *below = place
    if isinstance(inside, list):
        step = int(step)  # the check of the profile has seen that it is there
    if not below:
        inside[step] = value
        return
    if not isinstance(inside, list) and not isinstance(inside.get(step), dict | list):
        inside[step] = {}
    _put(inside[step], below, value)


def _value(text: str) -> Any:
    return json.loads(text) if _PLAIN.fullmatch(text) else text


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    match value:
        case str():
            return fill(value, values)
        case dict():
            return {name: _filled(inner, values) for name, inner in value.items()}
        case list():
            return [_filled(inner, values) for inner in value]
        case _:
            return value
