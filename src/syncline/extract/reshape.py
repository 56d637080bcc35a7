"""Records that are members of an object, or lists of values, as the objects that others are."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from syncline.errors import ResponseRefused
from syncline.extract.bodies import Unreadable

#: From the bytes of a JSON document to those of another one. Raises `Unreadable`, and
#: `ResponseRefused` where the records are not what they should be.
Reshape: TypeAlias = Callable[[bytes], bytes]

_KEY, _VALUE = b'{"@key":', b'"@value":'
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


def reshaped(answer: str, records: str) -> Reshape | None:
    """Return what makes a list of objects of the records; None if they are such a list.

    ``answer`` is as in profiles, ``records`` the dotted path of the records.
    """
    if answer not in _KINDS:
        return None
    make, wanted = _KINDS[answer]
    path = tuple(filter(None, records.split(".")))

    def made(text: msgspec.Raw) -> bytes:
        try:
            return make(text)
        except msgspec.ValidationError as error:
            place = f"at {records!r}" if records else "as the body"
            raise ResponseRefused(f"there is no {wanted} {place}: {error}") from error

    def reshape(body: bytes) -> bytes:
        try:
            return _placed(msgspec.Raw(body), path, made)
        except msgspec.ValidationError:
            return body  # whoever decodes it says what is not where it should be
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from error

    return reshape


def _placed(
    text: msgspec.Raw, path: tuple[str, ...], make: Callable[[msgspec.Raw], bytes]
) -> bytes:
    """Return a document in which what is at a path is made anew; numbers stay as written."""
    if not path:
        return make(text)
    members = _members(text)
    if path[0] in members:
        members[path[0]] = msgspec.Raw(_placed(members[path[0]], path[1:], make))
    return msgspec.json.encode(members)


def _keyed(text: msgspec.Raw) -> bytes:
    if bytes(text).split() in ([b"[]"], [b"[", b"]"]):
        return b"[]"  # as PHP writes an object without members
    return b"[" + b",".join(_member(k, bytes(v)) for k, v in _members(text).items()) + b"]"


def _member(name: str, value: bytes) -> bytes:
    start = _KEY + msgspec.json.encode(name)
    inside = value.strip()
    if not inside.startswith(b"{"):
        return b"%b,%b%b}" % (start, _VALUE, inside)
    own = inside[1:].lstrip()
    return start + (own if own == b"}" else b"," + own)


def _rows(text: msgspec.Raw) -> bytes:
    return b"[" + b",".join(_row(_elements(each)) for each in _elements(text)) + b"]"


def _row(values: list[msgspec.Raw]) -> bytes:
    return msgspec.json.encode({str(place): value for place, value in enumerate(values)})


_KINDS: Mapping[str, tuple[Callable[[msgspec.Raw], bytes], str]] = {
    "keyed": (_keyed, "object of records"),
    "rows": (_rows, "list of lists"),
}
