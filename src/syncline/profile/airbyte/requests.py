"""Requesters of manifests: address, headers, parameters, body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from syncline.profile.airbyte.expressions import Constant, Reference
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component, deep
from syncline.profile.airbyte.templates import Scope, expression, template

_READ_BY = {"GET", "POST"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a table's request does not depend on pages and time."""

    base_url: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: None: the list is asked for by GET.
    posting: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def given_parameters(requester: Component) -> tuple[Mapping[str, Any], str | None]:
    """Return the request parameters as the manifest has them, and the one that is a page's token.

    Raises `Refused`.
    """
    options = requester.part("request_options_provider") or requester
    if options.type not in {"", "InterpolatedRequestOptionsProvider", "HttpRequester"}:
        raise Refused(options.type)
    given = deep(requester.manifest, options.get("request_parameters") or {})
    if not isinstance(given, Mapping):
        raise Refused("request_parameters", "one text for all of them")
    found: dict[str, Any] = {}
    asked: str | None = None
    for name, value in given.items():
        if _is_token(value, requester):
            asked = str(name)
        elif isinstance(value, Mapping | list):
            raise Refused("request_parameters", f"{name} is no text")
        elif value is not None:
            found[str(name)] = value
    return found, asked


def _is_token(value: Any, requester: Component) -> bool:
    if not isinstance(value, str) or "next_page_token" not in value:
        return False
    match expression(value, requester.parameters):
        case Reference(root="next_page_token", path=("next_page_token",)):
            return True
        case _:
            return False


def asked_of(requester: Component, parameters: Mapping[str, Any], scope: Scope) -> Asked:
    """Return a requester as profiles have it; ``parameters``: those still to be sent.

    Raises `Refused`.
    """
    if requester.type not in {"", "HttpRequester"}:
        raise Refused(requester.type)
    method = str(requester.get("http_method", "GET")).upper()
    if method not in _READ_BY:
        raise Refused("HttpRequester", f"the method {method}")
    choosing = Scope(
        settings=scope.settings,
        parameters=scope.parameters,
        partitions=scope.partitions,
        choice="BaseURL",
    )
    base = template(requester.get("url_base") or requester.get("url") or "", choosing).strip()
    base, path = _divided(base, template(requester.get("path") or "", scope).strip())
    path, _, query = path.partition("?")
    sent = dict(parse_qsl(query, keep_blank_values=True))
    sent |= {name: template(value, scope) for name, value in parameters.items()}
    body = _body(requester)
    if body is None and method == "POST":
        body = {"type": "json"}
    notes: tuple[str, ...] = ()
    if body is not None and method == "GET":
        body, notes = None, ("a body that is sent by GET is left out",)
    return Asked(
        base_url=base,
        path=path,
        headers=_headers(requester, scope),
        parameters=sent,
        posting=None if body is None else _posting(body, sent, scope),
        notes=notes,
    )


def _divided(base: str, path: str) -> tuple[str, str]:
    """Return base and path of an address; the path is not empty."""
    if not base.startswith(("http://", "https://", "{")):
        raise Refused("HttpRequester", f"the address {base!r}")
    if path.strip("/"):
        return base.rstrip("/"), path
    scheme, _, rest = base.rstrip("/").partition("://")
    host, _, last = rest.rpartition("/")
    if not host:
        return base.rstrip("/"), "/"
    return f"{scheme}://{host}", last


def _headers(requester: Component, scope: Scope) -> dict[str, str]:
    options = requester.part("request_options_provider") or requester
    given = deep(requester.manifest, options.get("request_headers") or {})
    if not isinstance(given, Mapping):
        raise Refused("request_headers", "one text for all of them")
    found = {
        str(name): template(value, scope) for name, value in given.items() if value is not None
    }
    # What the body is written in is said by those who write it.
    return {name: value for name, value in found.items() if name.lower() != "content-type"}


def _body(requester: Component) -> dict[str, Any] | None:
    """Return what a body is made of: {"type": …, "content": …}; None if there is none."""
    options = requester.part("request_options_provider") or requester
    for name, type_ in (("request_body_json", "json"), ("request_body_data", "form")):
        if options.has(name):
            return {"type": type_, "content": deep(requester.manifest, options.get(name))}
    body = options.part("request_body")
    if body is None:
        return None
    types = {
        "RequestBodyJsonObject": "json",
        "RequestBodyUrlEncodedForm": "form",
        "RequestBodyGraphQL": "json",
    }
    if body.type not in types:
        raise Refused(body.type or "request_body")
    return {"type": types[body.type], "content": deep(requester.manifest, body.get("value"))}


def _posting(body: dict[str, Any], sent: dict[str, str], scope: Scope) -> dict[str, Any]:
    """Return the posting of a body; fields of a form become parameters."""
    in_address = list(sent)
    content = body.get("content") or {}
    if not isinstance(content, Mapping):
        raise Refused(f"a body of type {body['type']}", "it is one text")
    found: dict[str, Any]
    if body["type"] == "form":
        sent |= {str(name): template(value, scope) for name, value in content.items()}
        found = {"type": "form"}
    elif isinstance(content.get("query"), str) and set(content) <= {"query", "variables"}:
        if "{{" in content["query"]:
            raise Refused("a GraphQL query", "with Jinja inside")
        found = {"type": "graphql", "query": content["query"]}
        if content.get("variables"):
            found["variables"] = _filled(content["variables"], scope)
    else:
        found = {"type": "json"} | ({"content": _filled(content, scope)} if content else {})
    return {**found, "in_address": in_address} if in_address else found


def _filled(value: Any, scope: Scope) -> Any:
    match value:
        case str():
            whole = expression(value, scope.parameters) if value.startswith("{{ [") else None
            return whole.value if isinstance(whole, Constant) else template(value, scope)
        case Mapping():
            return {str(name): _filled(inner, scope) for name, inner in value.items()}
        case list():
            return [_filled(inner, scope) for inner in value]
        case _:
            return value
