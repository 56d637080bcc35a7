"""The profile of one list, from what its pages have shown, with reasons and questions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncline.errors import PropertyError
from syncline.profile.formats import Format
from syncline.profile.infer.bodies import Record
from syncline.profile.infer.columns import Seen, child_tables, columns_seen, key_seen
from syncline.profile.openapi.naming import camel, segments
from syncline.profile.pagination import Paginator, Request
from syncline.profile.writing import QUESTION, Noted, Plain

#: Query parameters that are secrets.
_SECRET = re.compile(r"key|token|secret|passw|signature|^sig$|^auth", re.IGNORECASE)
_SECRET_HEADERS = re.compile(r"^authorization$|^cookie$|key|token|secret|passw", re.IGNORECASE)
#: Numbers of records at which APIs commonly cut their pages.
_REMAINING = re.compile(r"^x-?rate-?limit-remaining$|^ratelimit-remaining$")
_RESET = re.compile(r"^x-?rate-?limit-reset$|^ratelimit-reset$")
#: Greater numbers are moments, not seconds from now.
_EPOCH = 10**9
_CUTS = {10, 20, 25, 30, 50, 100, 200, 250, 500, 1000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the API is reached: what goes into the profile, and what into a connection."""

    settings: Mapping[str, Plain]
    auth: Mapping[str, Plain]
    #: Properties and settings of a connection, secrets among them.
    properties: Mapping[str, str]
    given: Mapping[str, str]
    #: With it tokens are asked for, and it may be good for one time only.
    refresh_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the pages of a list have shown."""

    request: Request
    records_path: str
    records: Sequence[Record]
    #: What answers are written in, and the headers of one, names in lower case.
    format: Format
    headers: Mapping[str, str]
    paginator: Paginator
    paging_reason: str
    paging_proven: bool
    size_parameter: str | None
    size: int | None
    pages: int
    #: Column and parameter that ask for changes, if trying has found them.
    incremental: tuple[str, str] | None
    #: Columns that may tell when a record changed.
    changes: Sequence[str]
    #: What is where the records are, as in profiles.
    answer: str = "list"
    #: There never was more than one object where the records are taken to be.
    single: bool = False


def access(auth: str) -> Access:
    """Return how ``--auth`` says that the API knows who asks.

    One of ``none``, ``bearer:TOKEN``, ``basic:USER:PASSWORD``, ``header:NAME:VALUE``,
    ``query:NAME:VALUE``, ``client:ID:SECRET:TOKEN_URL`` and
    ``oauth:ID:SECRET:REFRESH_TOKEN:TOKEN_URL``. Raises `PropertyError` for anything else; values
    are never shown.
    """
    kind, _, rest = auth.partition(":")
    name, _, value = rest.partition(":")
    token: dict[str, Plain] = {"description": "The token that the API gave you.", "secret": True}
    key: dict[str, Plain] = {"description": "The key that the API gave you.", "secret": True}
    match kind.lower():
        case "" | "none":
            return Access(settings={}, auth={"scheme": "None"}, properties={}, given={})
        case "bearer" if rest:
            return Access(
                settings={"Token": token},
                auth={"scheme": "Token", "value": "Bearer {Token}"},
                properties={},
                given={"Token": rest},
            )
        case "basic" if rest:
            return Access(
                settings={},
                auth={"scheme": "Basic"},
                properties={"User": name, "Password": value},
                given={},
            )
        case "header" if value:
            scheme: dict[str, Plain] = {"scheme": "Token", "header": name, "value": "{APIKey}"}
        case "query" if value:
            scheme = {"scheme": "APIKey", "parameter": name}
        case "client" | "oauth":
            return _oauth(kind.lower(), rest)
        case _:
            raise _no_access()
    return Access(settings={"APIKey": key}, auth=scheme, properties={}, given={"APIKey": value})


def _oauth(kind: str, rest: str) -> Access:
    """Return the access of OAuth: client credentials, or a refresh token."""
    count = 3 if kind == "oauth" else 2
    # The address comes last, as it has colons itself.
    *values, token_url = rest.split(":", count)
    if len(values) < count or not all(values) or "://" not in token_url:
        raise _no_access()
    auth: dict[str, Plain] = {"scheme": "OAuthClient", "token_url": token_url}
    if kind == "oauth":
        asked = f"{QUESTION}Where do people sign in? Until this is known, tokens must be given."
        where = Noted(value="", above=(asked,))
        auth = {"scheme": "OAuth", "authorize_url": where, "token_url": token_url}
    return Access(
        settings={},
        auth=auth,
        properties={"OAuthClientId": values[0], "OAuthClientSecret": values[1]},
        given={},
        refresh_token=values[2] if kind == "oauth" else "",
    )


def _no_access() -> PropertyError:
    return PropertyError(
        "--auth is none that can be used",
        hint="one of: bearer:TOKEN, basic:USER:PASSWORD, header:NAME:VALUE, query:NAME:VALUE, "
        "client:ID:SECRET:TOKEN_URL, oauth:ID:SECRET:REFRESH_TOKEN:TOKEN_URL; ${NAME} in it is "
        "an environment variable",
    )


def refuse_secrets(request: Request, headers: Mapping[str, str]) -> None:
    """Raise `PropertyError` if a secret would be written into the profile."""
    for name, _ in request.parameters:
        if _SECRET.search(name):
            raise PropertyError(
                f"{name!r} in the address looks like a secret, which a profile must not hold",
                hint=f"leave it out, and give --auth query:{name}:VALUE",
            )
    for name in headers:
        if _SECRET_HEADERS.search(name):
            raise PropertyError(
                f"the header {name!r} looks like a secret, which a profile must not hold",
                hint=f"give --auth header:{name}:VALUE in place of --header",
            )


def base_of(request: Request) -> tuple[str, str, str]:
    """Return host with scheme, path of the API, and path of the list below it."""
    scheme, _, rest = request.url.partition("://")
    host, _, path = rest.partition("/")
    above, _, last = path.rpartition("/")
    return f"{scheme}://{host}", f"/{above}" if above else "", f"/{last}"


def content_of(
    shown: Shown, granted: Access, *, name: str, headers: Mapping[str, str]
) -> dict[str, Plain]:
    """Return the profile's content."""
    base, above, path = base_of(shown.request)
    table = camel(segments(path)[-1] if segments(path) else "records") or "Records"
    seen = columns_seen(shown.records)
    settings: dict[str, Plain] = {"BaseURL": {"default": base}, **granted.settings}
    found: dict[str, Plain] = {
        "name": name or _name(base),
        "checked": f"Inferred from {len(shown.records)} records; pages read: {shown.pages}.",
        "settings": settings,
        "auth": [granted.auth],
        "base_url": f"{{BaseURL}}{above}",
    }
    if headers:
        found["headers"] = dict(headers)
    limits = _limits(shown.headers)
    if limits:
        found["limits"] = Noted(value=limits, above=("headers of the answers tell it",))
    found["tables"] = {table: _table(shown, seen, table, path)}
    return found


def _limits(headers: Mapping[str, str]) -> dict[str, Plain]:
    """Return what headers tell of how many requests are left."""
    left = next((name for name in headers if _REMAINING.search(name)), None)
    reset = next((name for name in headers if _RESET.search(name)), None)
    if left is None or not headers[left].isdecimal():
        return {}
    found: dict[str, Plain] = {"remaining": left}
    if reset is not None and headers[reset].isdecimal():
        found["reset"] = reset
        if int(headers[reset]) < _EPOCH:
            found["reset_as"] = "seconds"
    return found


def _table(shown: Shown, seen: Seen, table: str, path: str) -> dict[str, Plain]:
    found: dict[str, Plain] = {"path": path}
    format_ = shown.format.model_dump(exclude_defaults=True)
    if format_.get("type") != "json":
        found["format"] = format_
    if shown.records_path:
        found["records"] = Noted(value=shown.records_path, above=_place_notes(shown))
    if shown.answer != "list":
        found["answer"] = Noted(value=shown.answer, above=(_ANSWERS[shown.answer, shown.single],))
    parameters = _parameters(shown)
    if parameters:
        found["parameters"] = parameters
    key, unique = key_seen(seen, shown.records, table)
    if key is not None:
        why = f"{key}: never null and never equal in {len(shown.records)} records"
        found["primary_key"] = Noted(value=[key], above=(why,))
    if shown.incremental is not None:
        column, parameter = shown.incremental
        found["incremental"] = Noted(
            value={"column": column, "parameter": parameter},
            above=(f"tried: {parameter} leaves out records with an earlier {column}",),
        )
    found["pagination"] = Noted(value=_paging(shown), above=_paging_notes(shown))
    if shown.size_parameter is not None:
        page: dict[str, Plain] = {"parameter": shown.size_parameter}
        if shown.size is not None:
            page["size"] = shown.size
        note = f"{QUESTION}Which is the greatest size that the API allows?"
        found["page"] = Noted(value=page, above=(note,))
    above = _questions(shown, key, unique)
    below = tuple(f"left out: {why}" for why in seen.left)
    found["columns"] = Noted(value=seen.columns, above=above, below=below)
    children = child_tables(seen, table, key) if key is not None else {}
    if children:
        found["children"] = children
    return found


_ANSWERS = {
    ("either", False): "a list of one comes as an object",
    ("either", True): "right for one record and for a list of them",
    ("keyed", False): "an object whose members are the records; @key is a member's name",
}


def _place_notes(shown: Shown) -> tuple[str, ...]:
    place = shown.records_path
    if not shown.single:
        return () if shown.answer == "keyed" else (f"{place} is the list of records",)
    # What there is one of always may be a list inside of it, or no list at all.
    inner = [n for n in columns_seen(shown.records).children if n]
    among = f", the records being in {place}.{inner[0]}" if inner else ""
    return (f"{QUESTION}{place} is one object: a list of one, or always one{among}?",)


def _questions(shown: Shown, key: str | None, unique: Sequence[str]) -> tuple[str, ...]:
    found = []
    if key is None:
        may = f" Never equal so far: {', '.join(unique)}." if unique else ""
        found.append(f"{QUESTION}Which columns identify a record? Set primary_key to them.{may}")
    if shown.incremental is None and shown.changes:
        found.append(
            f"{QUESTION}{', '.join(shown.changes)} may tell when a record changed. Which parameter "
            "asks for what is newer? incremental: {column: …, parameter: …}"
        )
    return tuple(found)


def _paging(shown: Shown) -> dict[str, Plain]:
    given = shown.paginator.model_dump(exclude_defaults=True)
    whole = shown.paginator.model_dump(include={"type", "path", "parameter"})
    return {name: value for name, value in (whole | given).items() if value is not None}


def _paging_notes(shown: Shown) -> tuple[str, ...]:
    if shown.paging_proven:
        return (f"tried: {shown.paging_reason}",)
    count = len(shown.records)
    notes = [shown.paging_reason]
    if count in _CUTS or shown.size_parameter is not None:
        notes.append(f"{QUESTION}There were {count} records. Is that all, or only a first page?")
    return tuple(notes)


def _parameters(shown: Shown) -> dict[str, Plain]:
    """Return what the address asks for beside pages and their size."""
    about = {shown.size_parameter, getattr(shown.paginator, "parameter", None)}
    return {name: value for name, value in shown.request.parameters if name not in about}


def _name(base: str) -> str:
    host = base.partition("://")[2].partition(":")[0]
    labels = [label for label in host.split(".") if label not in {"www", "api", "com", "org"}]
    word = next((camel(label) for label in labels if not label.isdecimal()), "")
    return word or "Api"
