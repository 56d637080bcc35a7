"""What may well be meant so, but deserves a second look: no reason to refuse a profile."""

import re
from collections.abc import Iterator

from syncline.profile.auth import NoAuth
from syncline.profile.columns import table_columns
from syncline.profile.pagination import NoPages
from syncline.profile.schema import ApiTable, PageSize, Profile

Place = tuple[str, ...]
Note = tuple[Place, str]

_SECRET = re.compile(r"pass(word|wd|phrase)|secret|api_?key|access_?token|^token$", re.IGNORECASE)
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
            yield ("headers", name), "a secret in a profile is no secret: put it into 'auth'"
    if any(
        not (t.pagination or t.page) and _first_only(profile, t) for t in profile.tables.values()
    ):
        yield ("defaults",), _first(profile.defaults.page)
    for name, table in profile.tables.items():
        yield from _table(profile, ("tables", name), table)


def _table(profile: Profile, at: Place, table: ApiTable) -> Iterator[Note]:
    if (table.pagination or table.page) and _first_only(profile, table):
        yield at, _first(table.page or profile.defaults.page)
    if not table.primary_key:
        why = "tasks replace all rows and cannot merge"
        if table.incremental is not None:
            why = "what has changed comes as new rows, beside the old"
        yield at, f"'primary_key' is missing: {why}"
    columns = {c.name: c for c in table_columns(profile, table)}
    changes = [n for n, c in columns.items() if c.type == "datetime" and _changes(n)]
    if table.incremental is None and table.fan_out is None and changes:
        why = "no 'incremental' asks for it: every run reads all"
        yield at, f"{changes[0]!r} may tell what has changed, but {why}"
    for name in table.filters:
        known = columns.get(name)
        if known is not None and known.type == "json":
            yield (*at, "filters", name), f"{name!r} is json, and no query compares that"


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
