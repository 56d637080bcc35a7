"""One stream of a manifest as a table of a profile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncline.profile.airbyte.authentication import schemes_of
from syncline.profile.airbyte.changes import changed
from syncline.profile.airbyte.columns import columns_of
from syncline.profile.airbyte.expressions import Constant, dotted
from syncline.profile.airbyte.failures import Failures, failures_of
from syncline.profile.airbyte.findings import Findings, Refused
from syncline.profile.airbyte.manifest import Component, deep
from syncline.profile.airbyte.paging import Option, paging_of
from syncline.profile.airbyte.partitions import ParentOf, partitions_of
from syncline.profile.airbyte.requests import asked_of, given_parameters
from syncline.profile.airbyte.settings import Settings
from syncline.profile.airbyte.templates import Scope, expression
from syncline.profile.airbyte.times import Times, times_of

#: Returns the JSON Schema in a file that a manifest names; None if there is none.
LoadSchema = Callable[[str], Any]

_CSV = "csv"
_BY_FORMAT = {"date": "date", "epoch": "integer", "epoch_ms": "integer"}
_TIMES = {"date", "datetime", "integer"}


@dataclass(slots=True, kw_only=True)
class Made:
    """A table, and what it needs of the profile."""

    table: dict[str, Any]
    #: In full, by name; `table` gets them at the end.
    columns: dict[str, dict[str, Any]]
    base_url: str
    schemes: list[dict[str, Any]]
    failures: Failures
    texts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What every stream of a manifest is made with."""

    settings: Settings
    findings: Findings
    schema: LoadSchema
    parent_of: ParentOf


def made(stream: Component, name: str, making: Making) -> Made:
    """Return the table of a stream. Raises `Refused`."""
    note = partial(making.findings.note, name)
    retriever, requester = _retriever(stream)
    selector = retriever.part("record_selector")
    if selector is None:
        raise Refused("SimpleRetriever", "without a record_selector")
    records, below = _records(selector)
    key = _key(stream)
    routers = [*retriever.parts("partition_router"), *retriever.parts("stream_slicer")]
    partitions = partitions_of(routers, making.settings, making.parent_of)
    given, token = given_parameters(requester)
    scope = Scope(
        settings=making.settings,
        parameters=requester.parameters,
        partitions=partitions.names,
    )
    times = times_of(
        stream.part("incremental_sync"),
        given,
        Scope(settings=making.settings, parameters=stream.parameters),
        keyed=bool(key),
    )
    left = {n: v for n, v in given.items() if n not in times.taken}
    asked = asked_of(requester, left, scope)
    paging = paging_of(retriever.part("paginator"), records, token)
    failures = failures_of(requester.part("error_handler"))
    schemes, notes = schemes_of(requester.part("authenticator"), making.settings)
    columns = columns_of(_schema(stream, name, making), note)
    columns, into = changed(
        columns, list(stream.parts("transformations")), making.settings, partitions.names, note
    )
    if below:
        columns = {name: _below(name, column, below) for name, column in columns.items()}
    _check_filter(selector, note)
    for text in (
        *notes,
        *asked.notes,
        *partitions.notes,
        *times.notes,
        *paging.notes,
        *failures.notes,
    ):
        note(text)
    parameters = dict(asked.parameters)
    places = {**paging.body, **times.body}
    for option, value in partitions.options:
        parameters[option.parameter] = value
        if option.place:
            places[option.parameter] = option.place
    table: dict[str, Any] = {"path": asked.path, "records": records}
    # Of the elements of an object, in place of a list, nothing is known: they are refused.
    _put(table, "answer", "" if _starred(selector) else "either")
    _put(table, "format", _format(retriever))
    _put(table, "posting", _posting(asked.posting, places, _in_address(paging, times, places)))
    _put(table, "headers", dict(asked.headers))
    _put(table, "parameters", parameters)
    _put(table, "absent", list(failures.absent))
    _put(table, "primary_key", _columns_of_key(key, columns, below, note))
    _put(table, "fan_out", _fan_out(partitions.fan_out, columns, into))
    _put(table, "incremental", _incremental(times, columns, below, note))
    table["pagination"] = dict(paging.pagination)
    _put(table, "page", paging.page)
    return Made(
        table=table,
        columns=columns,
        base_url=asked.base_url,
        schemes=schemes,
        failures=failures,
        texts=selector.get("schema_normalization") == "Default",
    )


def _put(table: dict[str, Any], name: str, value: Any) -> None:
    if value:
        table[name] = value


def _retriever(stream: Component) -> tuple[Component, Component]:
    if stream.type not in {"", "DeclarativeStream"}:
        raise Refused(stream.type)
    retriever = stream.part("retriever")
    if retriever is None or retriever.type not in {"", "SimpleRetriever"}:
        raise Refused(retriever.type if retriever else "DeclarativeStream", "no SimpleRetriever")
    requester = retriever.part("requester")
    if requester is None:
        raise Refused("SimpleRetriever", "without a requester")
    return retriever, requester


def _field_path(selector: Component) -> list[Any]:
    extractor = selector.part("extractor")
    if extractor is None:
        return []
    if extractor.type not in {"", "DpathExtractor"}:
        raise Refused(extractor.type)
    path = extractor.get("field_path") or extractor.get("field_pointer") or []
    found = []
    for step in path if isinstance(path, list) else [path]:
        value = expression(step, extractor.parameters)
        if not isinstance(value, Constant):
            raise Refused("DpathExtractor", f"the field_path {path}")
        if value.value not in (None, ""):
            found.append(value.value)
    return found


def _starred(selector: Component) -> bool:
    return "*" in _field_path(selector)


def _records(selector: Component) -> tuple[str, str]:
    """Return where the list is, and where the record is in each of its elements."""
    if selector.type not in {"", "RecordSelector"}:
        raise Refused(selector.type)
    path = _field_path(selector)
    place = path.index("*") if "*" in path else len(path)
    return dotted(path[:place], "DpathExtractor"), dotted(path[place + 1 :], "DpathExtractor")


def _below(name: str, column: dict[str, Any], below: str) -> dict[str, Any]:
    if "value" in column or "header" in column:
        return column
    return {**column, "path": f"{below}.{column.get('path', name)}"}


def _check_filter(selector: Component, note: Callable[[str], None]) -> None:
    """Raise `Refused` for a filter of records; one that only leaves out what is known may go."""
    condition = selector.part("record_filter")
    if condition is None:
        return
    text = str(condition.get("condition") or "")
    by_time = any(word in text for word in ("stream_interval", "stream_state", "stream_slice"))
    if condition.type not in {"", "RecordFilter"} or not by_time:
        raise Refused(condition.type or "RecordFilter", text)
    note("RecordFilter is left out: rows that are known already come again, and are merged by key")


def _schema(stream: Component, name: str, making: Making) -> Any:
    loaders = list(stream.parts("schema_loader"))
    if not loaders:
        return _in_file(f"{name}.json", making)
    loader = loaders[0]
    match loader.type:
        case "InlineSchemaLoader":
            return deep(stream.manifest, loader.get("schema"))
        case "JsonFileSchemaLoader" | "":
            parts = loader.get("file_path") or f"{name}.json"
            scope = Scope(settings=making.settings, parameters=loader.parameters)
            return _in_file(_file(parts, scope), making)
        case other:
            raise Refused(other)


def _in_file(path: str, making: Making) -> Any:
    found = making.schema(path)
    if found is None:
        raise Refused("JsonFileSchemaLoader", f"there is no file {path}")
    return found


def _file(text: str, scope: Scope) -> str:
    found = expression(text, scope.parameters) if text.startswith("{{") else None
    if isinstance(found, Constant):
        return str(found.value)
    before, brace, rest = text.partition("{{")
    if not brace:
        return text
    inner, _, after = rest.partition("}}")
    value = expression(f"{{{{{inner}}}}}", scope.parameters)
    if not isinstance(value, Constant):
        raise Refused("JsonFileSchemaLoader", text)
    return _file(f"{before}{value.value}{after}", scope)


def _key(stream: Component) -> list[str]:
    found: list[str] = []
    given = stream.get("primary_key") or []
    for part in given if isinstance(given, list) else [given]:
        steps = part if isinstance(part, list) else [part]
        value = [expression(step, stream.parameters) for step in steps]
        if not all(isinstance(each, Constant) for each in value):
            raise Refused("primary_key", str(given))
        found.append(".".join(str(each.value) for each in value if isinstance(each, Constant)))
    return [path for path in found if path]


def _columns_of_key(
    key: list[str],
    columns: dict[str, dict[str, Any]],
    below: str,
    note: Callable[[str], None],
) -> list[str]:
    names = _names(columns, below)
    found = [names.get(path, "") for path in key]
    for path, name in zip(key, found, strict=True):
        if not name or columns[name]["type"] == "json":
            why = "it is an object or a list" if name else "no column is called so"
            note(f"the primary key {', '.join(key)} is left out: {path}: {why}")
            return []
    return found


def _names(columns: Mapping[str, Mapping[str, Any]], below: str) -> dict[str, str]:
    """Return the names of columns by their paths in the record."""
    before = f"{below}." if below else ""
    return {str(c.get("path", n)).removeprefix(before): n for n, c in columns.items()}


def _fan_out(
    given: Mapping[str, Any], columns: Mapping[str, Any], into: str | None
) -> dict[str, Any]:
    fan_out = dict(given)
    if not fan_out:
        return {}
    name = into or fan_out.pop("into")
    fan_out.pop("into", None)
    # Of a column of records that is called so nobody knows whether it is the same.
    return fan_out if name in columns else {**fan_out, "into": name}


def _incremental(
    times: Times,
    columns: dict[str, dict[str, Any]],
    below: str,
    note: Callable[[str], None],
) -> dict[str, Any]:
    if not times.incremental:
        return {}
    found = dict(times.incremental)
    paths = _names(columns, below)
    path = str(found["column"])
    form = str(found.get("format", "iso8601"))
    wanted = _BY_FORMAT.get(form, "datetime")
    name = paths.get(path)
    if name is None:
        if "." not in path:
            raise Refused("DatetimeBasedCursor", f"the schema has no {path!r}")
        name = path.replace(".", "_")
        columns[name] = {"type": wanted, "path": f"{below}.{path}" if below else path}
    elif columns[name]["type"] not in _TIMES:
        note(f"the column {name!r} is of type {wanted}, as the cursor says")
        columns[name]["type"] = wanted
    return {**found, "column": name}


def _posting(
    posting: Mapping[str, Any] | None, places: Mapping[str, str], in_address: list[str]
) -> dict[str, Any] | None:
    if posting is None:
        if places:
            raise Refused("RequestOption", "into the body of a request without one")
        return None
    found = dict(posting)
    moved = {name: place for name, place in places.items() if place != name}
    if found["type"] == "graphql":
        for name, place in places.items():
            if not place.startswith("variables."):
                raise Refused("RequestOption", f"{place} of a GraphQL body")
            moved[name] = place.removeprefix("variables.")
        moved = {name: place for name, place in moved.items() if place != name}
    if moved and found["type"] == "form":
        raise Refused("RequestOption", "into a place inside of a form")
    address = [*found.get("in_address", []), *in_address]
    return (
        found | ({"places": moved} if moved else {}) | ({"in_address": address} if address else {})
    )


def _in_address(paging: Any, times: Times, places: Mapping[str, str]) -> list[str]:
    named = [paging.pagination.get("parameter"), (paging.page or {}).get("parameter")]
    named += [times.incremental.get("parameter"), times.incremental.get("until")]
    return list(dict.fromkeys(name for name in named if name and name not in places))


def _format(retriever: Component) -> dict[str, Any] | None:
    decoder = retriever.part("decoder")
    while decoder is not None:
        inner = decoder.part("decoder") or decoder.part("parser") or decoder.part("inner_parser")
        match decoder.type:
            case "GzipDecoder" | "GzipParser" | "CompositeRawDecoder":
                decoder = inner
            case "" | "JsonDecoder" | "JsonParser":
                return None
            case "JsonlDecoder" | "JsonLineParser":
                return {"type": "jsonl"}
            case "XmlDecoder":
                return {"type": "xml"}
            case "CsvDecoder" | "CsvParser":
                return _delimited(decoder)
            case other:
                raise Refused(other)
    return None


def _delimited(decoder: Component) -> dict[str, Any]:
    found: dict[str, Any] = {"type": _CSV}
    delimiter = str(decoder.get("delimiter", ",")).replace("\\t", "\t")
    if delimiter != ",":
        found["delimiter"] = delimiter
    if decoder.get("encoding"):
        found["encoding"] = str(decoder.get("encoding"))
    return found


__all__ = ["LoadSchema", "Made", "Making", "Option", "made"]
