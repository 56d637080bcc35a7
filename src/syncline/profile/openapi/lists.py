"""Which operations list records, and where the records stand in the answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from syncline.profile.openapi.document import Document, Operation
from syncline.profile.openapi.naming import place_in, plural, segments, snake
from syncline.profile.openapi.shapes import Shape, inside, shape_of

#: What lists are called where they are not called by what they list.
_LISTS = ("data", "items", "results", "records", "values", "list", "entries", "elements", "rows",
          "content", "objects", "collection", "value", "hits", "edges", "nodes", "result",
          "response")  # fmt: skip
#: What stands beside a list in an answer.
_AROUND = frozenset({
    "meta", "metadata", "paging", "pagination", "page", "pages", "links", "link", "_links",
    "next", "previous", "prev", "first", "last", "self", "total", "totals", "count",
    "total_count", "totalcount", "total_items", "total_pages", "has_more", "hasmore", "more",
    "has_next", "cursor", "next_cursor", "next_page", "next_page_token", "nextpagetoken",
    "next_token", "offset", "limit", "size", "per_page", "page_size", "pagesize", "page_number",
    "object", "url", "uri", "kind", "etag", "status", "success", "code", "message", "messages",
    "errors", "error", "warnings", "request_id", "ok", "response_metadata", "included",
    "incomplete", "incomplete_results", "is_last", "islast", "start_at", "startat", "maxresults",
    "max_results", "key", "type"
})  # fmt: skip
#: Lists are looked for so deep in an answer.
_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An operation that lists records."""

    operation: Operation
    #: Dotted path of the list; '' if the answer itself is the list.
    records: str
    record: Shape
    answer: Shape
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """An operation that may list records, but the document does not say enough."""

    path: str
    why: str


def listings(document: Document) -> Iterator[Listing | Unlisted]:
    """Yield every GET that lists records or may, in the document's order."""
    operations = list(document.operations())
    shown = {_plain(o.path) for o in operations}
    for operation in operations:
        parts = segments(operation.path)
        if operation.answer is None or not parts or operation.deprecated:
            continue
        answer = shape_of(document, operation.answer)
        found = _found(document, operation, answer)
        if found is not None and (place_in(parts[-1]) is None or isinstance(found, Listing)):
            yield found
        elif found is None and place_in(parts[-1]) is None and _has_one(parts, shown):
            yield Unlisted(
                path=operation.path,
                why="there is a path for one of its records, but the answer has no list of them",
            )


def lists_at(document: Document, operation: Operation, records: str) -> bool:
    """Say whether an operation answers with a list at a dotted path; '' for the answer itself."""
    if operation.answer is None:
        return False
    answer = shape_of(document, operation.answer)
    if not records or answer.kind != "object":
        return answer.kind == "array"
    return any(
        inner.kind == "array" and ".".join(path) == records
        for path, inner in inside(document, answer, _DEPTH)
    )


def _found(document: Document, operation: Operation, answer: Shape) -> Listing | Unlisted | None:
    parts = segments(operation.path)
    single = place_in(parts[-1]) is not None
    if answer.kind == "array":
        record = shape_of(document, answer.items)
        if record.kind == "object" and record.members:
            reason = "the answer itself is a list"
            return Listing(
                operation=operation, records="", record=record, answer=answer, reason=reason
            )
        kind = "values" if record.kind == "scalar" else "objects whose members are not described"
        return Unlisted(path=operation.path, why=f"its records are {kind}, not objects with members"
                        if record.kind == "scalar" else f"it lists {kind}")  # fmt: skip
    if answer.kind != "object" or single:
        return None
    lists = {
        ".".join(path): record
        for path, inner in inside(document, answer, _DEPTH)
        if inner.kind == "array" and not any("." in name for name in path)
        and (record := shape_of(document, inner.items)).kind == "object" and record.members
    }  # fmt: skip
    chosen, reason = _chosen(lists, answer, parts[-1])
    if chosen is not None:
        return Listing(
            operation=operation,
            records=chosen,
            record=lists[chosen],
            answer=answer,
            reason=reason,
        )
    near = [path for path in lists if "." not in path]
    if len(near) > 1 and set(answer.members) <= set(near) | _AROUND:
        return Unlisted(path=operation.path, why=f"the answer has several lists: {', '.join(near)}")
    return None


def _chosen(lists: dict[str, Shape], answer: Shape, segment: str) -> tuple[str | None, str]:
    """Return the path of the list that is meant, and why; None if that is not clear."""
    asked = {snake(segment), plural(snake(segment))}
    # What is nearer to the root is meant before what stands inside it.
    for path in sorted(lists, key=lambda p: p.count(".")):
        *around, name = path.split(".")
        if not all(_is_around(step) or step.lower() in _LISTS for step in around):
            continue
        others = [m for m in answer.members if m != (around or [name])[0]]
        alone = not around and all(_is_around(m) for m in others)
        if snake(name) in asked:
            return path, f"the list is called {name!r} as the path is"
        if name.lower() in _LISTS and (around or alone or _holds_lists(path, lists)):
            return path, f"lists of records are commonly called {name!r}"
        if alone and len([p for p in lists if "." not in p]) == 1:
            return path, f"{name!r} is the only list, and beside it is nothing of a record"
    return None, ""


def _holds_lists(path: str, lists: dict[str, Shape]) -> bool:
    return len([p for p in lists if "." not in p and p.lower() in _LISTS]) == 1 and "." not in path


def _is_around(member: str) -> bool:
    return snake(member) in _AROUND or member.lower() in _AROUND


def _has_one(parts: list[str], shown: set[str]) -> bool:
    return "/".join([*(p if place_in(p) is None else "{}" for p in parts), "{}"]) in shown


def _plain(path: str) -> str:
    return "/".join(p if place_in(p) is None else "{}" for p in segments(path))
