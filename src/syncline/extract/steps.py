"""A table read step by step through the time, where one request may ask for a part of it only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
    may_miss: bool
    at_once: int
    ordered: bool = True

    def __len__(self) -> int:
        return len(self.spans) * (1 if self.values is None else len(self.values))

    def walk(self, index: int) -> Walk:
        """Return the walk of a step."""
        asking = replace(self.asking, span=self.spans[index % len(self.spans)])
        return Walk(request=asking.request(self.value(index)), may_miss=self.may_miss)

    def value(self, index: int) -> Value | None:
        """Return the value of the fan-out."""
        return None if self.values is None else self.values[index // len(self.spans)]

    def after(self, index: int, page: WalkedPage) -> Mapping[str, Json] | None:
        """Return the moment up to which, or the value with which all is done."""
        if page.following is not None:
            return None
        if self.values is None:
            return {"step": self.spans[index % len(self.spans)][1]}
        last = index % len(self.spans) == len(self.spans) - 1
        return {"after": self.value(index)} if last else None


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
