"""Addresses, auth schemes and settings of a document."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from syncline.profile.openapi.conditions import is_key
from syncline.profile.openapi.document import Document, Node, Parameter, mapping, sequence
from syncline.profile.openapi.shapes import first_sentence
from syncline.profile.writing import QUESTION, Noted, Plain

_PLACE = re.compile(r"\{([^{}]+)\}")
_GIVEN = "The key that the API gave you."
_NOWHERE = "https://api.example.com"


@dataclass(slots=True, kw_only=True)
class Access:
    """How the API is reached and who may ask."""

    settings: dict[str, Plain] = field(default_factory=dict)
    auth: list[Plain] = field(default_factory=list)
    base_url: str = "{BaseURL}"
    #: What no auth scheme of profiles can say.
    left: list[str] = field(default_factory=list)


def access_of(document: Document) -> Access:
    """Return settings, auth schemes and base address."""
    found = Access()
    _server(document, found)
    seen: set[str] = set()
    for name, given in document.schemes().items():
        for written in _schemes(document, found, name, given):
            scheme = str(written["scheme"])
            if scheme in seen:
                found.left.append(f"{name}: a profile has one scheme {scheme}")
            else:
                seen.add(scheme)
                found.auth.append(written)
    key = None if found.auth else _key(document)
    if key is not None:
        found.settings["APIKey"] = _secret({"description": key.description}, _GIVEN)
        value: dict[str, Plain] = {"scheme": "APIKey", "parameter": key.name}
        why = f"most requests take {key.name!r}, and the document names no other way"
        found.auth.append(Noted(value=value, above=(why,)))
    if not found.auth:
        found.auth.append(
            Noted(
                value={"scheme": "None"},
                above=(
                    f"{QUESTION}The document names no way to say who is asking. One of:",
                    '{scheme: Token, value: "Bearer {Token}"} with the setting Token',
                    "{scheme: Basic}; {scheme: OAuth, authorize_url: …, token_url: …}",
                )
                if not document.schemes()
                else (f"{QUESTION}None of the document's schemes can be used as it stands.",),
            )
        )
    return found


def _key(document: Document) -> Parameter | None:
    """Return the parameter of most addresses that is a key."""
    every = list(document.operations())
    keys = [p for each in every for p in each.query() if is_key(p)]
    name, count = Counter(p.name for p in keys).most_common(1)[0] if keys else ("", 0)
    return next(p for p in keys if p.name == name) if 2 * count > len(every) else None


def _server(document: Document, found: Access) -> None:
    servers = document.servers()
    url = str(servers[0].get("url", "")) if servers else ""
    variables = mapping(servers[0].get("variables")) if servers else {}
    for name in _PLACE.findall(url):
        known = mapping(variables.get(name))
        written: dict[str, Plain] = {}
        if first := first_sentence(str(known.get("description") or "")):
            written["description"] = first
        if known.get("default") not in (None, ""):
            written["default"] = str(known["default"])
        if choices := [str(v) for v in sequence(known.get("enum"))]:
            written["choices"] = choices
        setting = re.sub(r"\W+", "_", name)
        url = url.replace(f"{{{name}}}", f"{{{setting}}}")
        found.settings[setting] = written
    if "://" not in url:
        question = f"{QUESTION}The document does not say where the API is."
        if "://" in document.origin:
            url, question = urljoin(document.origin, url or "/"), ""
        base, path = (url.rstrip("/"), "") if not question else (_NOWHERE, url.rstrip("/"))
        if not question:
            base, path = _split(url)
        note: tuple[str, ...] = (question,) if question else ("relative to where the document is",)
        found.settings["BaseURL"] = Noted(value={"default": base}, above=note)
    else:
        base, path = _split(url)
        others = [str(s.get("url")) for s in servers[1:]]
        note = (f"others: {', '.join(others)}",) if others else ()
        found.settings["BaseURL"] = Noted(value={"default": base}, above=note)
    found.base_url = f"{{BaseURL}}{path}"


def _split(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", f"{slash}{path}".rstrip("/")


def _schemes(
    document: Document, found: Access, name: str, given: Node
) -> Iterator[dict[str, Plain]]:
    kind, where = str(given.get("type", "")), str(given.get("in", ""))
    word = str(given.get("scheme", "")).lower()
    if kind == "basic" or (kind == "http" and word == "basic"):
        yield {"scheme": "Basic"}
    elif kind == "http" and word == "bearer":
        found.settings["Token"] = _secret(given, "The token that the API gave you.")
        yield {"scheme": "Token", "value": "Bearer {Token}"}
    elif kind == "apiKey" and where in {"header", "query"}:
        found.settings["APIKey"] = _secret(given, _GIVEN)
        header = str(given.get("name", ""))
        if where == "query":
            yield {"scheme": "APIKey", "parameter": header}
        else:
            yield {"scheme": "Token", "header": header, "value": "{APIKey}"}
    elif kind == "oauth2":
        flows = mapping(given.get("flows")) or {str(given.get("flow", "")): given}
        yield from _oauth(document, found, name, flows)
    else:
        found.left.append(f"{name}: {' '.join(filter(None, (kind, word, where)))}")


def _oauth(document: Document, found: Access, name: str, flows: Node) -> Iterator[dict[str, Plain]]:
    for flow, described in flows.items():
        known = mapping(described)
        scope = " ".join(str(s) for s in mapping(known.get("scopes")))
        scopes: dict[str, Plain] = {"scope": scope} if scope else {}
        token = _absolute(document, str(known.get("tokenUrl", "")))
        match flow:
            case "authorizationCode" | "accessCode":
                yield {
                    "scheme": "OAuth",
                    "authorize_url": _absolute(document, str(known.get("authorizationUrl", ""))),
                    "token_url": token,
                    **scopes,
                }
            case "clientCredentials" | "application":
                yield {"scheme": "OAuthClient", "token_url": token, **scopes}
            case "implicit":
                # Such tokens are made in the API's own pages, or by its implicit flow.
                found.settings["Token"] = _secret({}, "An access token of the API.")
                found.left.append(f"{name}: OAuth's implicit flow; a token can be given instead")
                yield {"scheme": "Token", "value": "Bearer {Token}"}
            case _:
                found.left.append(f"{name}: OAuth's flow {flow}")


def _absolute(document: Document, url: str) -> str:
    if urlsplit(url).scheme or not url:
        return url.replace("{", "").replace("}", "")
    servers = document.servers()
    return urljoin(str(servers[0].get("url", "")) if servers else document.origin, url)


def _secret(given: Node, otherwise: str) -> dict[str, Plain]:
    about = first_sentence(str(given.get("description") or "")) or otherwise
    return {"description": about, "secret": True}
