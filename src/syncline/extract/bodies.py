"""Bodies that are not JSON as JSON, which pages are read from: lines, CSV, XML, all of it gzip."""

import csv
import io
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias
from xml.parsers import expat

import msgspec

from syncline.errors import ResponseRefused
from syncline.profile.formats import CsvFormat, Format, JsonFormat, JsonLinesFormat, XmlFormat

#: From the bytes of a body to those of a JSON document. Raises `Unreadable`.
Convert: TypeAlias = Callable[[bytes], bytes]

_GZIP = b"\x1f\x8b"
_MARK = "\ufeff"
# A field may be as long as a body, which has a limit of its own.
csv.field_size_limit(2**31 - 1)


class Unreadable(Exception):
    """A body is not what it should be, or not all of it."""


def converter(format_: Format, lists: Sequence[str]) -> Convert | None:
    """Return what makes JSON of bodies in a format; None for JSON itself.

    ``lists``: dotted paths that are lists even with one element, each below the one before it.
    """
    match format_:
        case JsonFormat():
            return None
        case JsonLinesFormat():
            return json_lines
        case CsvFormat():
            return partial(delimited, format_=format_)
        case XmlFormat(depth=depth):
            paths = [tuple(path.split(".")) for path in lists]
            return partial(xml, lists=paths, depth=depth)


def unpacked(body: bytes, most: int) -> bytes:
    """Return the body as it is, or unpacked if it is gzip.

    Raises `Unreadable` if it was cut off, `ResponseRefused` if it has more than ``most`` bytes.
    """
    if not body.startswith(_GZIP):
        return body
    found: list[bytes] = []
    size = 0
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(body, most - size + 1)
        except zlib.error as error:
            raise Unreadable(f"gzip: {error}") from error
        size += len(part)
        if size > most:
            raise too_long(most)
        if not member.eof:
            raise Unreadable("gzip: it was cut off")
        found.append(part)
        body = member.unused_data
    return b"".join(found)


def too_long(most: int) -> ResponseRefused:
    """Return the error of an answer that is longer than is allowed."""
    return ResponseRefused(
        f"the answer is longer than {most} bytes",
        hint="ask for smaller pages, or raise 'page_bytes' under 'limits' of the profile",
    )


def json_lines(body: bytes) -> bytes:
    """Return the values of the lines as a list."""
    return b"[" + b",".join(line for line in body.splitlines() if line.strip()) + b"]"


def delimited(body: bytes, *, format_: CsvFormat) -> bytes:
    """Return the lines as a list of objects. Raises `Unreadable`."""
    try:
        text = body.decode(format_.encoding).removeprefix(_MARK)
    except (UnicodeDecodeError, LookupError) as error:
        raise Unreadable(str(error)) from error
    lines = io.StringIO(text, newline="")
    for _ in range(format_.skip):
        lines.readline()
    reader = csv.reader(lines, delimiter=format_.delimiter, strict=True)
    try:
        names = list(format_.names) or next(reader, [])
        if len(set(names)) < len(names):
            raise Unreadable(f"a name stands twice in {', '.join(names)}")
        records = [_record(names, fields, reader.line_num) for fields in reader if fields]
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num}: {error}") from error
    return msgspec.json.encode(records)


def _record(names: Sequence[str], fields: Sequence[str], line: int) -> dict[str, str | None]:
    if len(fields) != len(names):
        # Invariant 5: which field is missing, or from where one is too many, nobody knows.
        raise Unreadable(f"line {line} has {len(fields)} fields, not {len(names)}")
    return {name: field or None for name, field in zip(names, fields, strict=True)}


def xml(body: bytes, *, lists: Sequence[tuple[str, ...]], depth: int) -> bytes:
    """Return the document as an object. Raises `Unreadable`, `ResponseRefused`."""
    tree = _Tree(depth)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.EntityDeclHandler = _entity
    parser.ExternalEntityRefHandler = _entity
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Unreadable(str(error)) from error
    inside = [tree.content]
    for path in lists:
        inside = [element for start in inside for element in _listed(start, path)]
    return msgspec.json.encode(tree.content)


def _entity(*_: object) -> int:
    raise ResponseRefused(
        "the XML declares entities, which are not read",
        hint="they can make a short answer endlessly long, or read files",
    )


def _listed(start: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    """Make what is at a path a list of objects, and return them; nothing there is an empty list."""
    inner: Any = start
    for step in path[:-1]:
        if not isinstance(inner, dict) or step not in inner:
            return []
        if inner[step] is None:
            inner[step] = {}
        inner = inner[step]
    if not isinstance(inner, dict):
        return []
    found = inner.get(path[-1])
    each = found if isinstance(found, list) else [] if found is None else [found]
    inner[path[-1]] = [
        element if isinstance(element, dict) else {} if element is None else {"#text": element}
        for element in each
    ]
    elements: list[dict[str, Any]] = inner[path[-1]]
    return elements


class _Tree:
    """Objects, made while a parser goes through a document."""

    def __init__(self, depth: int) -> None:
        self.content: dict[str, Any] = {}
        self._depth = depth
        self._open: list[tuple[dict[str, Any], list[str]]] = [(self.content, [])]

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > self._depth:
            raise ResponseRefused(
                f"more than {self._depth} elements stand inside each other",
                hint="raise 'depth' of the format in the profile",
            )
        own = {
            f"@{_local(key)}": value
            for key, value in attributes.items()
            if key != "xmlns" and not key.startswith("xmlns:")
        }
        self._open.append((own, []))

    def text(self, data: str) -> None:
        self._open[-1][1].append(data)

    def end(self, name: str) -> None:
        members, texts = self._open.pop()
        text = "".join(texts)
        value: Any = members
        if members.get("@nil") in {"true", "1"}:
            value = None
        elif not members:
            value = text or None
        elif text.strip():
            members["#text"] = text
        above, key = self._open[-1][0], _local(name)
        if key not in above:
            above[key] = value
        elif isinstance(above[key], list):
            above[key].append(value)
        else:
            above[key] = [above[key], value]


def _local(name: str) -> str:
    return name.rpartition(":")[2]
