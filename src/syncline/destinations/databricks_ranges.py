"""Which keys are staged, so that a MERGE reads the files of a table that may have them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

#: Ranges of keys in a statement, and keys that are remembered to find them.
_RANGES: Final = 16
_KNOWN: Final = 5_000_000


class Keys:
    """The values of the first key column of staged rows."""

    def __init__(self) -> None:
        self._name = ""
        self._values: list[pa.Array] = []
        self._count = 0
        self._useless = False
        #: Rows, and different values among them.
        self._distinct: tuple[int, int] | None = None

    def add(self, rows: pa.Table, key: Sequence[str]) -> None:
        """Take note of the keys of rows."""
        if not rows.num_rows or self._useless:
            return
        name = key[0] if key else ""
        values = rows[name].combine_chunks() if name in rows.schema.names else None
        self._count += rows.num_rows
        if values is None or not _orders(values.type) or self._count > _KNOWN:
            self._useless, self._values = True, []
            return
        self._name = name
        self._values.append(pc.unique(values))

    def are_unique(self, names: Sequence[str]) -> bool:
        """Say whether it is known that no two rows agree in columns of these names."""
        if self._useless or not self._values or self._name not in names:
            return False
        if self._distinct is None or self._distinct[0] != self._count:
            values = pa.chunked_array(self._values)
            self._distinct = self._count, pc.count_distinct(values, mode="only_valid").as_py()
        return bool(self._distinct[1] == self._count)

    def condition(self, column: exp.Column, name: str) -> exp.Expr | None:
        """Return what holds for the column wherever a key is staged; None: nothing is known."""
        if self._useless or not self._values or name != self._name:
            return None
        values = pc.unique(pa.chunked_array(self._values)).drop_null().sort()
        if not len(values):
            return None
        try:
            ranges = _ranges(values)
        except (OverflowError, ValueError):
            # A date that Python does not know, of the year 10000 or before the year 1.
            return None
        parts: list[exp.Expr] = []
        for low, high in ranges:
            if low == high:
                parts.append(column.copy().eq(_literal(low)))
            else:
                parts.append(
                    exp.Between(this=column.copy(), low=_literal(low), high=_literal(high))
                )
        return exp.paren(exp.or_(*parts))


def _orders(type_: pa.DataType) -> bool:
    return bool(
        (pa.types.is_integer(type_) and type_.bit_width <= 64)  # noqa: PLR2004 (bits)
        or pa.types.is_date(type_)
        or pa.types.is_string(type_)
    )


def _ranges(values: Any) -> list[tuple[Any, Any]]:
    """Return few ranges that hold all of some sorted values, with the widest gaps left out."""
    count = len(values)
    starts: list[int] = []
    if pa.types.is_integer(values.type) and count > 1:
        # Rounded beyond 2^53: good enough to find the wide gaps.
        numbers = values.cast(pa.float64(), safe=False)
        gaps = pc.subtract(numbers.slice(1), numbers.slice(0, count - 1))
        widest = pc.select_k_unstable(
            pa.table({"gap": gaps}),
            k=min(_RANGES - 1, count - 1),
            sort_keys=[("gap", "descending")],
        )
        starts = sorted(
            i + 1 for i in widest.to_pylist() if values[i + 1].as_py() - values[i].as_py() > 1
        )
    edges = [0, *starts, count]
    return [(values[low].as_py(), values[high - 1].as_py()) for low, high in pairwise(edges)]


def _literal(value: Any) -> exp.Expression:
    if isinstance(value, int):
        return exp.Literal.number(value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    return exp.cast(exp.Literal.string(value.isoformat()), exp.DataType.Type.DATE)
