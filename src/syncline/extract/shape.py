"""Objects decoded straight into columns of values, without a dict for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One value to take from each object."""

    #: Names of the members that lead to it; at least one.
    path: tuple[str, ...]
    #: What `msgspec` decodes it to.
    type: Any
    #: The value where the object, or one on the way, does not have it.
    default: Any = None
    #: The object must have it, and all on the way to it.
    required: bool = False


class Shape:
    """A struct type that has the members which lead to some leaves, and no others."""

    def __init__(self, leaves: Sequence[Leaf], *, strict: bool = True) -> None:
        self._size = len(leaves)
        self._members: list[_Member] = []
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        names: dict[str, str] = {}
        slots = list(enumerate(leaves))
        for name in dict.fromkeys(leaf.path[0] for leaf in leaves):
            attribute = f"m{len(names)}"
            names[attribute] = name
            mine = [(slot, leaf) for slot, leaf in slots if leaf.path[0] == name]
            type_, default, required = self._add(attribute, mine, strict=strict)
            fields.append((attribute, type_) if required else (attribute, type_, default))
        #: The struct type. gc=False: decoded values cannot refer back to their struct.
        self.type: type[msgspec.Struct] = msgspec.defstruct(
            "Members", fields, rename=names, gc=False, kw_only=True
        )
        # Stands for an object that is missing; an object that must be there never is.
        self._empty: Any = None if any(leaf.required for leaf in leaves) else self.type()

    def columns(self, objects: Sequence[msgspec.Struct]) -> list[list[Any]]:
        """Return the values of every leaf, in the order of the leaves: one for each object."""
        found: list[list[Any]] = [[]] * self._size
        self._fill(objects, found, range(self._size))
        return found

    def column(self, objects: Sequence[msgspec.Struct], slot: int) -> list[Any]:
        """Return the values of one leaf only."""
        for member in self._members:
            if slot in member.slots:
                return [member.value(o) for o in objects]
            if member.shape is not None and slot in member.inner:
                shape = member.shape
                known = [member.value(o) or shape._empty for o in objects]  # noqa: SLF001 (own class)
                return shape.column(known, member.inner.index(slot))
        raise IndexError(slot)

    def _add(
        self, attribute: str, mine: Sequence[tuple[int, Leaf]], *, strict: bool
    ) -> tuple[Any, Any, bool]:
        """Add one member; return its type, its default and whether it must be there."""
        here = [(slot, leaf) for slot, leaf in mine if len(leaf.path) == 1]
        below = [(slot, leaf) for slot, leaf in mine if len(leaf.path) > 1]
        get = attrgetter(attribute)
        slots = tuple(slot for slot, _ in here)
        required = any(leaf.required for _, leaf in mine)
        if here and not below and all(leaf.type == here[0][1].type for _, leaf in here):
            leaf = here[0][1]
            self._members.append(_Member(get=get, slots=slots))
            return leaf.type, leaf.default, required
        inner = [_below(leaf) for _, leaf in below]
        shape = Shape(inner, strict=strict) if below else None
        if shape is not None and not here:
            self._members.append(
                _Member(get=get, shape=shape, inner=tuple(slot for slot, _ in below))
            )
            return (shape.type if required else shape.type | None), None, required
        # Several columns want different things of this member: it is kept as text first.
        for slot, leaf in here:
            read = msgspec.json.Decoder(leaf.type, strict=strict).decode
            self._members.append(_Member(get=get, slots=(slot,), read=read, default=leaf.default))
        if shape is not None:
            read = msgspec.json.Decoder(shape.type | None, strict=strict).decode
            self._members.append(
                _Member(get=get, shape=shape, inner=tuple(slot for slot, _ in below), read=read)
            )
        return msgspec.Raw, msgspec.Raw(), required

    def _fill(
        self, objects: Sequence[msgspec.Struct], found: list[list[Any]], places: Sequence[int]
    ) -> None:
        for member in self._members:
            values = list(map(member.get if member.read is None else member.value, objects))
            for slot in member.slots:
                found[places[slot]] = values
            if member.shape is not None:
                inside = member.shape
                empty = inside._empty  # noqa: SLF001 (own class)
                known = [value or empty for value in values]
                inside._fill(known, found, [places[s] for s in member.inner])  # noqa: SLF001 (own class)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    get: Callable[[Any], Any]
    #: Leaves that are the member itself.
    slots: tuple[int, ...] = ()
    #: What is below it, and the leaves there.
    shape: Shape | None = None
    inner: tuple[int, ...] = ()
    #: Reads the value from its text.
    read: Callable[[Any], Any] | None = None
    default: Any = None

    def value(self, of: msgspec.Struct) -> Any:
        """Return the member's value in one object."""
        found = self.get(of)
        if self.read is None:
            return found
        return self.read(found) if found else self.default


def _below(leaf: Leaf) -> Leaf:
    return Leaf(path=leaf.path[1:], type=leaf.type, default=leaf.default, required=leaf.required)
