"""What may well be meant so, but deserves a second look: no reason to refuse a profile."""

import re
from collections.abc import Iterator, Mapping

from syncline.profile.auth import NoAuth
from syncline.profile.columns import FlatColumn, table_columns
from syncline.profile.pagination import LastRecord, NoPages, Offset, PageNumber, Token
from syncline.profile.schema import ApiTable, PageSize, Profile

Place = tuple[str, ...]
Note = tuple[Place, str]

_SECRET = re.compile(r"pass(word|wd|phrase)|secret|api_?key|access_?token|^token$", re.IGNORECASE)
_WRITTEN = "a secret in a profile is no secret: put it into 'auth'"
#: So many tables are named in one note.
_SHOWN = 5
_CHANGES = re.compile(
    r"^(last_?)?(updated|modified|changed)(_?(at|on|date|time|datetime))?$", re.IGNORECASE
)


def notes(profile: Profile) -> Iterator[Note]:
    """Yield what deserves a second look, in the order of the profile."""
    for name, setting in profile.settings.items():
        if _SECRET.search(name) and not setting.secret:
            yield ("settings", name), "it sounds like a secret: 'secret: true' keeps it sealed"
    if not all(isinstance(scheme, NoAuth) for scheme in profile.auth):
        default = profile.settings.get("BaseURL")
        address = profile.base_url.replace("{BaseURL}", (default and default.default) or "")
        if re.match(r"http://(?!127\.|localhost|\[::1\])", address):
            yield (
                ("base_url",),
                "credentials would go over http, which everyone on the way can read",
            )
    for name, value in profile.headers.items():
        if re.search(r"authorization|key|token|secret", name, re.IGNORECASE) and "{" not in value:
            yield ("headers", name), _WRITTEN
    if any(
        not (t.pagination or t.page) and _first_only(profile, t) for t in profile.tables.values()
    ):
        yield ("defaults",), _first(profile.defaults.page)
    yield from _written_secrets(profile)
    yield from _counted(profile)
    for name, table in profile.tables.items():
        yield from _table(profile, ("tables", name), table)


def _written_secrets(profile: Profile) -> Iterator[Note]:
    """Yield secrets that are written into the profile as a parameter's value."""
    every: list[tuple[Place, Mapping[str, str]]] = [(("defaults",), profile.defaults.parameters)]
    every += [(("tables", name), table.parameters) for name, table in profile.tables.items()]
    for at, parameters in every:
        for name, value in parameters.items():
            if _SECRET.search(name) and value and "{" not in value:
                yield (*at, "parameters", name), _WRITTEN


def _counted(profile: Profile) -> Iterator[Note]:
    """Yield, once, that pages are numbered: nobody notices what moves between two of them."""
    numbered = [
        name
        for name, table in profile.tables.items()
        if isinstance(table.pagination or profile.defaults.pagination, PageNumber)
    ]
    if not numbered:
        return
    own = profile.tables[numbered[0]].pagination is not None
    at: Place = ("tables", numbered[0], "pagination") if own else ("defaults",)
    shown = ", ".join(numbered[:_SHOWN]) + (" …" if len(numbered) > _SHOWN else "")
    why = "a row that moves to an earlier page while they are read is missed until a later run"
    better = "a token, the last record or an offset are better, if the API has one"
    yield at, f"pages are numbered ({shown}): {why}; {better}"


def _table(profile: Profile, at: Place, table: ApiTable) -> Iterator[Note]:
    if (table.pagination or table.page) and _first_only(profile, table):
        yield at, _first(table.page or profile.defaults.page)
    if not table.primary_key:
        why = "tasks replace all rows and cannot merge"
        if table.incremental is not None:
            why = "what has changed comes as new rows, beside the old"
        if isinstance(table.pagination or profile.defaults.pagination, Offset):
            why += "; nobody notices rows that move from page to page while they are counted"
        yield at, f"'primary_key' is missing: {why}"
    columns = {c.name: c for c in table_columns(profile, table)}
    yield from _sizes(profile, at, table)
    yield from _filters(at, table, columns)
    changes = [n for n, c in columns.items() if c.type == "datetime" and _changes(n)]
    if table.incremental is None and table.fan_out is None and changes:
        why = "no 'incremental' asks for it: every run reads all"
        yield at, f"{changes[0]!r} may tell what has changed, but {why}"


def _sizes(profile: Profile, at: Place, table: ApiTable) -> Iterator[Note]:
    paginator = table.pagination or profile.defaults.pagination
    page = table.page or profile.defaults.page
    by_size = (
        (isinstance(paginator, Offset) and not paginator.total)
        or (isinstance(paginator, PageNumber) and not (paginator.pages or paginator.more))
        or (isinstance(paginator, Token | LastRecord) and paginator.ends == "short")
    )
    if by_size and page.size is not None and page.parameter is None:
        where = (*at, "page") if table.page else at
        yield (
            where,
            (
                f"a page of less than {page.size} records is held to be the last, and no parameter "
                "asks for so many: if the API gives fewer, the first page is"
            ),
        )


def _filters(at: Place, table: ApiTable, columns: Mapping[str, FlatColumn]) -> Iterator[Note]:
    """Yield filters that no query comes to, or that the API cannot tell apart."""
    seen: dict[tuple[str, str], str] = {}
    for name, filters in table.filters.items():
        known = columns.get(name)
        each = filters if isinstance(filters, tuple) else (filters,)
        if known is not None and known.type == "json":
            yield (*at, "filters", name), f"{name!r} is json, and no query compares that"
        ordering = sorted({o.value for f in each for o in f.operators} & {"<", "<=", ">", ">="})
        if known is not None and known.type == "boolean" and ordering:
            which = " ".join(ordering)
            yield (*at, "filters", name), f"{name!r} is boolean: no query asks for {which}"
        for one in each:
            other = seen.setdefault((one.parameter, one.value), name)
            if other != name:
                same = f"{one.parameter!r} takes it in the same form as {other!r}"
                yield (*at, "filters", name), f"{same}: the API cannot tell the two apart"


def _first_only(profile: Profile, table: ApiTable) -> bool:
    paginator = table.pagination or profile.defaults.pagination
    page = table.page or profile.defaults.page
    pages = isinstance(paginator, NoPages) and page.parameter is not None
    return pages and table.answer == "list"


def _first(page: PageSize) -> str:
    why = "'pagination' names no next page: only the first one is read"
    return f"{page.parameter!r} sets the size of a page, but {why}"


def _changes(name: str) -> bool:
    return bool(_CHANGES.match(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)))
