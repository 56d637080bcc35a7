"""A table read step by step through the time, where one request may ask for a part of it only."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from syncline.extract.asking import Asking, Span
from syncline.extract.walk import Walk, WalkedPage
from syncline.model.batch import Json
from syncline.model.table import Value
from syncline.profile.schema import Incremental


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPerStep:
    """One walk for each part of the time, for each value of the fan-out if there is one.

    It goes on after the last whole step; with a fan-out, after the last value that is done with.
    """

    asking: Asking
    spans: Sequence[Span]
    #: None: there is no fan-out.
    values: Sequence[Value] | None
    #: The parts of the time for the ``fresh`` values: all of it, not just since the last pass.
    all_spans: Sequence[Span] = ()
    fresh: Collection[Value] = frozenset()
    may_miss: bool
    at_once: int
    ordered: bool = True
    #: The number of the first walk of each value, and of all walks.
    _firsts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        values: Sequence[Value | None] = (None,) if self.values is None else self.values
        counts = (len(self._spans(value)) for value in values)
        self._firsts.extend(accumulate(counts, initial=0))

    def __len__(self) -> int:
        return self._firsts[-1]

    def walk(self, index: int) -> Walk:
        """Return the walk of a step."""
        asking = replace(self.asking, span=self._span(index))
        return Walk(request=asking.request(self.value(index)), may_miss=self.may_miss)

    def value(self, index: int) -> Value | None:
        """Return the value of the fan-out."""
        return None if self.values is None else self.values[self._place(index)]

    def whole(self, index: int) -> bool:
        """Say whether the value is a fresh one."""
        return self.value(index) in self.fresh

    def after(self, index: int, page: WalkedPage) -> Mapping[str, Json] | None:
        """Return the moment up to which, or the value with which all is done."""
        if page.following is not None:
            return None
        if self.values is None:
            return {"step": self._span(index)[1]}
        last = index + 1 == self._firsts[self._place(index) + 1]
        return {"after": self.value(index)} if last else None

    def _place(self, index: int) -> int:
        return bisect_right(self._firsts, index) - 1

    def _span(self, index: int) -> Span:
        return self._spans(self.value(index))[index - self._firsts[self._place(index)]]

    def _spans(self, value: Value | None) -> Sequence[Span]:
        return self.all_spans if value in self.fresh else self.spans


def spans_of(
    incremental: Incremental, first: float, until: float, at: Mapping[str, Json] | None
) -> list[Span]:
    """Return the steps from ``first``, or where a read was left, to ``until``; at least one."""
    assert incremental.step is not None  # noqa: S101 (the caller has looked)
    left = (at or {}).get("step")
    since = float(left) if isinstance(left, int | float) else first
    found: list[Span] = []
    while since < until or not found:
        end = since + incremental.step
        # The last step ends at the end; others, where the next one begins or just before.
        last = end >= until
        found.append((since, max(until, since) if last else end - incremental.granularity))
        since = end
    return found
