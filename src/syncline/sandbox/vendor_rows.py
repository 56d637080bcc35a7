"""The rows of one further API: made on demand, and changed by tests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncline.sandbox.clock import Clock
from syncline.sandbox.randomness import below, mix, salt
from syncline.sandbox.vendor_description import Listed, Vendor, vendors
from syncline.sandbox.vendor_values import Made, compiled

_HISTORY = 3 * 365 * 86400
_THOUSAND = 1000
_UPDATED = salt("vendor.updated")

Record = dict[str, object]


@dataclass(slots=True, kw_only=True)
class VendorRow:
    """One row of a list; times are in seconds."""

    index: int
    created: int
    updated: int
    revision: int = 0
    deleted: bool = False
    values: Record = field(default_factory=dict)


class VendorList:
    """The rows of one list, in the order in which they were created."""

    def __init__(
        self, name: str, described: Listed, rows: "VendorRows", *, count: int, seed: int
    ) -> None:
        self.name = name
        self.described = described
        self._rows = rows
        self._key = mix(seed * 0x10001 + salt(f"{rows.name}.{name}"))
        instants = rows.vendor.instants
        self._makers = {
            each: compiled(spec, f"{rows.name}.{name}.{each}", instants)
            for each, spec in described.fields.items()
        }
        marks = described.deletes if described.deletes is not None else rows.vendor.deletes
        self._marks = marks
        self._known: dict[int, tuple[int, Record]] = {}
        end = rows.clock.seconds()
        step = _HISTORY / max(count, 1)
        self.rows: list[VendorRow] = []
        for index in range(count):
            # Rows in threes have one time, as after an import.
            created = end - _HISTORY + int((index - index % 3) * step)
            room = max(end - 1 - created, 0)
            later = below(mix(self._key + index), _UPDATED, room + 1)
            self.rows.append(
                VendorRow(index=index, created=created, updated=created + later * (index % 2))
            )

    @property
    def parent(self) -> "VendorList | None":
        name = self.described.parent.partition(".")[0]
        return self._rows.lists[name] if name else None

    @property
    def parent_field(self) -> str:
        """The field of the parent that names it in addresses."""
        return self.described.parent.partition(".")[2]

    def parent_of(self, row: VendorRow) -> VendorRow | None:
        above = self.parent
        if above is None:
            return None
        # By turns, so that every parent has some.
        return above.rows[row.index % above.first_size]

    @property
    def first_size(self) -> int:
        """How many rows there were at first: those that others belong to and point at."""
        return self._rows.first_sizes[self.name]

    @property
    def tells_changes(self) -> bool:
        """Whether the list can be asked for changed rows, not only for new ones."""
        since = self.described.since or self._rows.vendor.since
        return since is not None and since.by == "updated"

    def alive(self, row: VendorRow) -> bool:
        if row.deleted and self._marks is None:
            return False
        above = self.parent
        over = self.parent_of(row)
        return above is None or over is None or above.alive(over)

    def listed(self) -> Iterator[VendorRow]:
        """Rows that are there, marked ones included."""
        return (row for row in self.rows if self.alive(row))

    def record(self, row: VendorRow) -> Record:
        """A row as the API writes it."""
        known = self._known.get(row.index)
        if known is not None and known[0] == row.revision:
            return known[1]
        made = self._made(row, row.revision)
        record = {name: make(made) for name, make in self._makers.items()} | row.values
        if row.deleted and self._marks:
            record |= self._marks
        self._known[row.index] = (row.revision, record)
        return record

    def original(self, row: VendorRow, path: str) -> object:
        """What a row had at a dotted path at first, which is how others show it."""
        name, _, inner = path.partition(".")
        value = self._makers[name](self._made(row, 0))
        return at(value, inner) if inner else value

    def _made(self, row: VendorRow, revision: int) -> Made:
        fixed = mix(self._key + row.index)

        def parent(path: str) -> object:
            above, over = self.parent, self.parent_of(row)
            return above.original(over, path) if above is not None and over else None

        def other(name: str, alias: str, path: str) -> object:
            target = self._rows.lists[name]
            place = below(fixed, salt(f"ref.{alias}"), target.first_size)
            return target.original(target.rows[place], path)

        return Made(
            index=row.index,
            fixed=fixed,
            bits=mix(fixed + revision) if revision else fixed,
            created=row.created,
            updated=row.updated,
            parent=parent,
            other=other,
        )

    # -- changes

    def touch(self, row: VendorRow) -> None:
        """Give a row new values."""
        row.revision += 1
        row.updated = self._rows.clock.seconds()

    def delete(self, row: VendorRow) -> None:
        """Delete a row as the API does: it is marked, or gone."""
        row.deleted = True
        self.touch(row)

    def insert(self) -> VendorRow:
        now = self._rows.clock.seconds()
        row = VendorRow(index=len(self.rows), created=now, updated=now)
        self.rows.append(row)
        return row

    def truth(self) -> list[tuple[Record, Record | None]]:
        """Every record that is listed, and that of its parent."""
        above = self.parent
        overs = ((row, self.parent_of(row)) for row in self.listed())
        return [
            (self.record(row), above.record(over) if above is not None and over else None)
            for row, over in overs
        ]


class VendorRows:
    """All lists of one API."""

    def __init__(self, name: str, vendor: Vendor, *, rows: int, seed: int, clock: Clock) -> None:
        self.name = name
        self.vendor = vendor
        self.clock = clock
        self.first_sizes = {
            each: max(listed.rows * rows // _THOUSAND, listed.least)
            for each, listed in vendor.lists.items()
        }
        self.lists = {
            each: VendorList(each, listed, self, count=self.first_sizes[each], seed=seed)
            for each, listed in vendor.lists.items()
        }


class Vendors(Mapping[str, VendorRows]):
    """The rows of every further API, by the prefix of its paths; made when first asked for."""

    def __init__(self, *, rows: int, seed: int, clock: Clock) -> None:
        self._rows = rows
        self._seed = seed
        self._clock = clock
        self._made: dict[str, VendorRows] = {}

    def __getitem__(self, name: str) -> VendorRows:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = VendorRows(
                name, vendors()[name], rows=self._rows, seed=self._seed, clock=self._clock
            )
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(vendors())

    def __len__(self) -> int:
        return len(vendors())


def at(record: object, path: str | Sequence[str]) -> object:
    """What a record has at a dotted path; None if it has nothing there."""
    found: object = record
    for name in path.split(".") if isinstance(path, str) else path:
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found
