"""What is around the records of a page: where they are, and what the paginator reads."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from syncline.extract.shape import Leaf, Shape
from syncline.model.batch import Json


class Envelope:
    """Decodes pages whose records are of one type."""

    def __init__(
        self, records: str, values: Sequence[str], record: Any, *, answer: str, strict: bool
    ) -> None:
        self._paths = values if records else ()
        self._answer = answer
        self._raw = record is msgspec.Raw
        self._shape: Shape | None = None
        decoded: Any = self._at_place(record)
        if records:
            path, needed = tuple(records.split(".")), answer != "either"
            empty = msgspec.Raw() if decoded is msgspec.Raw else None
            place = Leaf(path=path, type=decoded, required=needed, default=empty)
            leaves = [
                Leaf(path=tuple(p.split(".")), type=Any, default=msgspec.UNSET) for p in self._paths
            ]
            self._shape = Shape([place, *leaves], strict=strict)
            decoded = self._shape.type
        self._read = msgspec.json.Decoder(decoded, strict=strict).decode
        self._around = Shape(leaves, strict=strict) if records else Shape([])
        self._read_around = msgspec.json.Decoder(self._around.type, strict=strict).decode
        self._firsts = {p.split(".")[0] for p in self._paths}
        self._names = {msgspec.json.encode(name) for name in self._firsts}
        self._read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
        self._read_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode

    def decode(self, body: bytes) -> tuple[list[Any], Mapping[str, Json]]:
        """Return the records of a page, and what the paginator reads of it.

        Raises `msgspec.DecodeError`, of which `msgspec.ValidationError` is one.
        """
        content: Any = self._read(body)
        if self._shape is None:
            return self._records(content), {}
        (records,), *values = self._shape.columns([content])
        return self._records(records), self._found(values)

    def values(self, body: bytes) -> Mapping[str, Json]:
        """Return what the paginator reads of a page, passing over its records.

        Raises as `decode` does, but not for what is wrong with the records.
        """
        around = None
        begin = self._begin(body)
        if begin > 0:
            with suppress(msgspec.DecodeError):
                end = b"{" + body[begin:]
                # Inside of one member there may be others of these names: each must be its own.
                if self._firsts <= self._read_members(end).keys():
                    around = self._read_around(end)
        if around is None:
            around = self._read_around(body)
        return self._found(self._around.columns([around]))

    def _begin(self, body: bytes) -> int:
        """Return the place of the first member of those we need, if they come last; else -1.

        From there on a body reads as an object only if that place is one of its own members: in
        a record or a text more is closed than is opened. The records before are not even passed.
        """
        begin = min((body.rfind(name) for name in self._names), default=-1)
        return -1 if body[begin - 1 : begin] == b"\\" else begin

    def _found(self, values: Sequence[Sequence[Any]]) -> Mapping[str, Json]:
        found = {p: v[0] for p, v in zip(self._paths, values, strict=True)}
        return {p: v for p, v in found.items() if v is not msgspec.UNSET}

    def _at_place(self, record: Any) -> Any:
        if self._answer == "list":
            return list[record]
        if self._raw:
            return msgspec.Raw  # a union of texts is none: they are told apart when they are here
        return record if self._answer == "one" else list[record] | record | None

    def _records(self, found: Any) -> list[Any]:
        if isinstance(found, list):
            return found
        if not self._raw:
            return [] if found is None else [found]
        text = bytes(found).strip()
        if self._answer == "either" and text in {b"", b"null"}:
            return []
        if text.startswith(b"{"):
            return [found]
        if self._answer == "either":
            return self._read_texts(text)
        raise msgspec.ValidationError("Expected `object`")
