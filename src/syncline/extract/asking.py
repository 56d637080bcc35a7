"""What is asked for a scan: from the profile and the scan's conditions to the first request."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from urllib.parse import quote

from syncline.errors import PropertyError, QueryError
from syncline.extract.position import iso, request_of_json, request_to_json
from syncline.extract.posted import body_of, text_of
from syncline.extract.projection import Path, fields
from syncline.extract.walked import parts_of, walked_column
from syncline.model.batch import Json
from syncline.model.table import Operator, Predicate, Value
from syncline.profile.columns import FlatColumn
from syncline.profile.formats import Format
from syncline.profile.pagination import Offset, PageNumber, Paginator, Request
from syncline.profile.schema import (
    ApiTable,
    ColumnFilter,
    Incremental,
    PageSize,
    ParentFanOut,
    Profile,
    ValueFanOut,
)
from syncline.profile.template import days, fill, places

#: A part of the time: from, to, in seconds since the epoch.
Span: TypeAlias = tuple[float, float]

_LOWER = {Operator.GT, Operator.GE}
#: What is asked for where the answer is not to be JSON.
_ACCEPTED = {
    "jsonl": "application/x-ndjson, application/jsonl, application/json",
    "csv": "text/csv",
    "xml": "application/xml, text/xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One table of a profile, and all that decides about its requests but their place in it."""

    profile: Profile
    settings: Mapping[str, str]
    name: str
    table: ApiTable
    #: The table's own columns, by name.
    columns: Mapping[str, FlatColumn]
    predicates: tuple[Predicate, ...] = ()
    paths: tuple[Path, ...] = ()
    deleted: bool = False
    #: The first day of interest, where the table can be read by days.
    start: date | None = None
    #: Only what has changed since, in seconds since the epoch.
    since: float | None = None
    #: No more rows than these are wanted.
    limit: int | None = None
    #: Only what has changed before, where the API must be told, in seconds since the epoch.
    until: float | None = None
    #: The part of the time that one walk is for, in place of ``since`` and ``until``.
    span: Span | None = None

    @property
    def base_url(self) -> str:
        """The address below which all requests are."""
        own = self.table.base_url
        return fill(self.profile.base_url if own is None else own, self.settings)

    @property
    def format(self) -> Format:
        """What bodies are written in."""
        return self.table.format or self.profile.defaults.format

    @property
    def page(self) -> PageSize:
        """How many records a page has."""
        return self.table.page or self.profile.defaults.page

    @property
    def records(self) -> str:
        """Dotted path of the list of records; '' if the body is that list."""
        own = self.table.records
        return self.profile.defaults.records if own is None else own

    @property
    def paginator(self) -> Paginator:
        """How pages follow each other."""
        return self.table.pagination or self.profile.defaults.pagination

    @property
    def size(self) -> int | None:
        """Records asked for per page; None where the API decides."""
        page = self.page
        if page.size is None or page.parameter is None or self.limit is None:
            return page.size
        return max(min(page.size, self.limit), 1)

    @property
    def first(self) -> float | None:
        """The first moment to ask for, in seconds since the epoch; None: there is no bound.

        Raises `PropertyError` if the profile's start is no moment, or a setting is missing.
        """
        incremental = self.table.incremental
        if incremental is None:
            return None
        self._check_settings()
        found = [] if self.since is None else [self.since - incremental.overlap]
        start = incremental.start or ""
        text = fill(start, {**self._days(start), **self.settings}).strip()
        if text:
            try:
                found.append(_instant(text).timestamp())
            except ValueError:
                raise PropertyError(
                    f"{text!r} is no moment to begin with", hint="write 2025-01-31 in the settings"
                ) from None
        return max(found, default=None)

    def request(self, walk: Value | None = None, more: Sequence[tuple[str, str]] = ()) -> Request:
        """Return the request of a walk's first page.

        ``walk``: the value of the fan-out that it is for. ``more``: parameters that go before
        all others of their name. Raises `QueryError` if a filter that must be there is not, or
        a value cannot be asked for; `PropertyError` for a setting that is missing.
        """
        self._check_settings()
        values = {**self._days(*self._texts()), **self.settings}
        fan_out = self.table.fan_out
        match fan_out:
            case ParentFanOut(column=column, also=also):
                parts = parts_of(fan_out, walk)
                names = (f"parent.{name}" for name in (column, *also))
                values |= {name: str(part) for name, part in zip(names, parts, strict=True)}
            case ValueFanOut(parameter=None):
                values["value"] = str(walk)
            case _:
                pass
        in_path = {name: quote(value, safe="") for name, value in values.items()}
        parameters: dict[str, list[str]] = {}
        for fixed in (self.profile.defaults.parameters, self.table.parameters):
            parameters |= {
                name: [fill(value, values)]
                for name, value in fixed.items()
                if not _left_away(value, values)
            }
        parameters |= self._asked()
        if isinstance(fan_out, ValueFanOut) and fan_out.parameter is not None:
            parameters[fan_out.parameter] = [str(walk)]
        for name in dict.fromkeys(name for name, _ in more):
            parameters[name] = [v for n, v in more if n == name]
        posting, query = self.table.posting, self.table.query or self.profile.defaults.query
        request = Request(
            url=f"{self.base_url.rstrip('/')}/{fill(self.table.path, in_path).lstrip('/')}",
            parameters=tuple((n, v) for n, each in parameters.items() for v in each),
            headers=self._headers(values),
            method="GET" if posting is None else "POST",
            body=None if posting is None else body_of(posting, values, self._plain()),
            text=None if query is None else text_of(query),
        )
        return self.paginator.first(request)

    def _days(self, *templates: str) -> Mapping[str, str]:
        """Return the days that templates name, counted from the day of this read, in UTC."""
        if self.until is None:
            return {}
        return days(templates, datetime.fromtimestamp(self.until, UTC).date())

    def _texts(self) -> Iterator[str]:
        """Yield the texts of requests that may name days."""
        table = self.table
        yield table.path
        for named in (self.profile.defaults.parameters, table.parameters, table.headers):
            yield from named.values()
        if table.posting is not None:
            yield table.posting.model_dump_json()

    def _check_settings(self) -> None:
        """Raise `PropertyError` for a setting that the request needs and nobody has given."""
        table, defaults = self.table, self.profile.defaults
        texts = [self.profile.base_url if table.base_url is None else table.base_url, table.path]
        for named in (defaults.parameters, table.parameters, table.headers):
            texts += named.values()
        if table.incremental is not None and table.incremental.start is not None:
            texts.append(table.incremental.start)
        for place in (place for text in texts for place in places(text)):
            if place in self.profile.settings and place not in self.settings:
                raise PropertyError(
                    f"{place} is missing, which {self.name} needs",
                    hint=f"set {place} in ProfileSettings",
                )

    def kept(self, request: Request) -> Json:
        """Return a request as cursors keep it: without host, headers, body and secrets."""
        secret = self._secret()
        left = tuple(p for p in request.parameters if p[0] not in secret)
        return request_to_json(replace(request, parameters=left), self.base_url)

    def again(self, kept: Json, walk: Value | None = None) -> Request:
        """Return the request of a page that was kept. Raises `ConfigError` if it is none."""
        found, whole = request_of_json(kept, self.base_url), self.request(walk)
        secret = self._secret()
        own = tuple(p for p in whole.parameters if p[0] in secret)
        return replace(whole, url=found.url, parameters=(*own, *found.parameters))

    def _secret(self) -> frozenset[str]:
        """Return the parameters of the profile that name a secret setting."""
        settings = self.profile.settings
        fixed = {**self.profile.defaults.parameters, **self.table.parameters}
        named = ((n, place) for n, value in fixed.items() for place in places(value))
        return frozenset(n for n, place in named if place in settings and settings[place].secret)

    def _headers(self, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        own = {
            name: fill(value, values)
            for name, value in self.table.headers.items()
            if not _left_away(value, values)
        }
        named = {name.lower() for name in (*own, *self.profile.headers)}
        accept = _ACCEPTED.get(self.format.type)
        if accept is not None and "accept" not in named:
            own["Accept"] = accept
        return tuple(own.items())

    def _plain(self) -> frozenset[str]:
        """Return the parameters that are numbers or booleans, for bodies that tell them apart."""
        found = {self.page.parameter}
        if isinstance(self.paginator, Offset | PageNumber):
            found.add(self.paginator.parameter)
        for name, filters in self.table.filters.items():
            for each in filters if isinstance(filters, tuple) else (filters,):
                type_ = each.type or self.columns[name].type
                if type_ in {"integer", "number", "boolean"} and each.value == "{value}":
                    found.add(each.parameter)
        return frozenset(filter(None, found))

    def _asked(self) -> dict[str, list[str]]:
        """Return the parameters that the scan brings, by name."""
        asked: dict[str, list[str]] = {}
        if self.deleted and self.table.deleted is not None:
            asked |= {n: [v] for n, v in self.table.deleted.parameters.items()}
        projection = self.table.projection or self.profile.defaults.projection
        if projection is not None and self.paths:
            asked[projection.parameter] = [fields(projection, self.paths)]
        if self.page.parameter is not None and self.size is not None:
            asked[self.page.parameter] = [str(self.size)]
        filtered: dict[str, list[str]] = {}
        for predicate in self.predicates:
            for name, value in self._filter(predicate):
                filtered.setdefault(name, []).append(value)
        asked |= filtered
        if self.table.windows is not None and self.start is not None:
            name = self.table.windows.since
            # A condition of the query may begin later still.
            asked[name] = [max([self.start.isoformat(), *filtered.get(name, [])])]
        if self.table.incremental is not None:
            asked |= self._of_time(self.table.incremental)
        self._check_required()
        return asked

    def _of_time(self, incremental: Incremental) -> dict[str, list[str]]:
        """Return the parameters that ask for a part of the time."""
        asked: dict[str, list[str]] = {}
        if incremental.changes is not None:
            return asked  # this is the request of the whole table
        form = incremental.format
        since, until = self.span or (self.first, self.until)
        if incremental.until is not None and until is not None:
            asked[incremental.until] = [moment_text(form, until)]
        if since is not None:
            since = self._later(incremental, since)
        elif "{until}" in incremental.value:
            since = 0.0
        if since is None:
            return asked
        text = incremental.value.replace("{value}", moment_text(form, since))
        if until is not None:
            text = text.replace("{until}", moment_text(form, until))
        return {**asked, incremental.parameter: [text]}

    def _filter(self, predicate: Predicate) -> Iterator[tuple[str, str]]:
        """Yield the parameters of a condition; none where walks are left out instead."""
        found = self._filter_of(predicate)
        if found is None:
            return
        type_ = found.type or self.columns[predicate.column].type
        texts = [
            found.value.replace("{value}", _text(found, type_, predicate, value))
            for value in predicate.values
        ]
        if predicate.operator is Operator.IN and found.many == "comma":
            yield found.parameter, ",".join(texts)
        else:
            for text in texts:
                yield found.parameter, text

    def _filter_of(self, predicate: Predicate) -> ColumnFilter | None:
        filters = self.table.filters.get(predicate.column, ())
        for each in filters if isinstance(filters, tuple) else (filters,):
            if predicate.operator in each.operators:
                return each
        if predicate.column == walked_column(self.table):
            return None
        raise QueryError(
            f"{self.name} cannot be asked for {predicate.column} {predicate.operator} …",
            hint="this condition is for the query to check, not for the API",
        )

    def _later(self, incremental: Incremental, since: float) -> float:
        """Return the later of ``since`` and the query's own bound by the same parameter."""
        for predicate in self.predicates:
            found = self._filter_of(predicate)
            if (
                found is not None
                and found.parameter == incremental.parameter
                and predicate.operator in _LOWER
            ):
                since = max(since, _instant(str(predicate.values[0])).timestamp() - found.widen)
        return since

    def _check_required(self) -> None:
        given = {p.column for p in self.predicates}
        for column, filters in self.table.filters.items():
            each = filters if isinstance(filters, tuple) else (filters,)
            if column not in given and any(f.required for f in each):
                raise QueryError(
                    f"{self.name} can only be read for a given {column}",
                    hint=f"add WHERE {column} = … to the query",
                )


def _text(found: ColumnFilter, type_: str, predicate: Predicate, value: Value) -> str:
    if isinstance(value, bool):
        plain = "true" if value else "false"
    elif type_ in {"date", "datetime"}:
        plain = _bound(found, type_, predicate, str(value))
    else:
        plain = str(value)
    return found.values.get(plain, plain)


def _bound(found: ColumnFilter, type_: str, predicate: Predicate, text: str) -> str:
    """Return a date or an instant as APIs take them, moved outwards if the profile says so."""
    try:
        moment = _instant(text)
    except ValueError:
        raise QueryError(
            f"{text!r} is no {type_}, as which {predicate.column} is compared",
            hint="write '2025-01-31' or '2025-01-31 13:45:00'",
        ) from None
    wider = timedelta(seconds=found.widen)
    moment += -wider if predicate.operator in _LOWER else wider
    if type_ == "date":
        return moment.date().isoformat()
    if moment.microsecond:
        return moment.isoformat().replace("+00:00", "Z")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment_text(form: str, moment: float) -> str:
    """Return a moment, in seconds since the epoch, as an API takes it; never a later one."""
    match form:
        case "iso8601":
            return iso(moment)
        case "date":
            return iso(moment)[:10]
        case "epoch":
            return str(int(moment // 1))
        case "epoch_ms":
            return str(int(moment * 1000 // 1))
        case _:
            return datetime.fromtimestamp(moment, UTC).strftime(form)


def _left_away(template: str, values: Mapping[str, str]) -> bool:
    """Say whether a parameter is nothing but a setting that is empty."""
    named = places(template)
    return len(named) == 1 and template == f"{{{named[0]}}}" and values.get(named[0]) == ""
