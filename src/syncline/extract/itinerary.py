"""Which walks make up a read, and where it stands after each page. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

from syncline.extract.asking import Asking
from syncline.extract.position import not_ours
from syncline.extract.walk import PlaceLost, Walk, WalkedPage
from syncline.model.batch import Json
from syncline.model.table import Value

#: Windows per walker, so that all have work to the end though windows differ.
_WINDOWS_EACH = 4
#: What is left of them is in every checkpoint.
_MOST_WINDOWS = 1000


class Itinerary(Protocol):
    """The walks of a read, and its position among them."""

    @property
    def ordered(self) -> bool:
        """Whether walks are handed on one after the other; otherwise pages as they come."""
        ...

    @property
    def at_once(self) -> int:
        """How many walks may be under way at once."""
        ...

    def __len__(self) -> int:
        """Return the number of walks."""
        ...

    def walk(self, index: int) -> Walk:
        """Return one of them."""
        ...

    def value(self, index: int) -> Value | None:
        """Return the value of the fan-out that a walk is for."""
        ...

    def whole(self, index: int) -> bool:
        """Say whether a walk asks for everything, though others ask for what has changed."""
        ...

    def after(self, index: int, page: WalkedPage) -> Mapping[str, Json] | None:
        """Note that a page was handed on; return where to go on. None: not from here."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWalk:
    """A table that is one list."""

    asking: Asking
    resumable: bool
    at: Mapping[str, Json] | None = None
    ordered: bool = True
    at_once: int = 1

    def __len__(self) -> int:
        return 1

    def walk(self, index: int) -> Walk:  # noqa: ARG002 (there is one)
        """Return the walk, from where it was left."""
        if self.at is None:
            return Walk(request=self.asking.request())
        return Walk(request=self.asking.again(self.at.get("request")), kept=True)

    def value(self, index: int) -> Value | None:  # noqa: ARG002 (there is one)
        """Return None."""
        return None

    def whole(self, index: int) -> bool:  # noqa: ARG002 (there is one)
        """Return False."""
        return False

    def after(self, index: int, page: WalkedPage) -> Mapping[str, Json] | None:  # noqa: ARG002
        """Return the request of the page that follows."""
        if page.following is None or not self.resumable:
            return None
        return {"request": self.asking.kept(page.following)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkPerValue:
    """A table that is listed once for each value: of a parameter, or of another table's key."""

    asking: Asking
    #: What is asked for the ``fresh`` values: everything, not just what has changed.
    asking_whole: Asking
    fresh: Collection[Value] = frozenset()
    resumable: bool
    #: In the order in which they are handed on.
    values: Sequence[Value]
    #: Where the first walk goes on.
    request: Json = None
    may_miss: bool
    at_once: int
    ordered: bool = True

    def __len__(self) -> int:
        return len(self.values)

    def walk(self, index: int) -> Walk:
        """Return the walk for a value."""
        asking = self._asking(index)
        if index == 0 and self.request is not None:
            kept = asking.again(self.request, self.values[0])
            return Walk(request=kept, kept=True, may_miss=self.may_miss)
        return Walk(request=asking.request(self.values[index]), may_miss=self.may_miss)

    def value(self, index: int) -> Value | None:
        """Return the value."""
        return self.values[index]

    def whole(self, index: int) -> bool:
        """Say whether the value is a fresh one."""
        return self.values[index] in self.fresh

    def after(self, index: int, page: WalkedPage) -> Mapping[str, Json] | None:
        """Return the value, and the request of its next page, or that it is done with."""
        if page.following is None:
            return {"after": self.values[index]}
        if not self.resumable:
            return None
        kept = self._asking(index).kept(page.following)
        return {"value": self.values[index], "request": kept}

    def _asking(self, index: int) -> Asking:
        return self.asking_whole if self.whole(index) else self.asking


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days to read, first and last included; None is open."""

    since: date | None
    until: date | None
    #: Where to go on in it.
    request: Json = None


@dataclass(slots=True, kw_only=True)
class WalkPerWindow:
    """A table that is read in disjoint windows of days."""

    asking: Asking
    resumable: bool
    windows: Sequence[Window]
    at_once: int
    #: What of each window is not yet handed on; those done with are gone.
    _left: dict[int, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._left = {i: _kept(w, w.request) for i, w in enumerate(self.windows)}

    @property
    def ordered(self) -> bool:
        """Where a walk cannot go on in its middle, one must end before another is begun."""
        return not self.resumable

    def __len__(self) -> int:
        return len(self.windows)

    def walk(self, index: int) -> Walk:
        """Return the walk through a window, from where it was left."""
        window = self.windows[index]
        if window.request is not None:
            return Walk(request=self.asking.again(window.request), kept=True)
        return Walk(request=self.asking.request(more=self._bounds(window)))

    def value(self, index: int) -> Value | None:  # noqa: ARG002 (windows have none)
        """Return None."""
        return None

    def whole(self, index: int) -> bool:  # noqa: ARG002 (what has changed has no windows)
        """Return False."""
        return False

    def after(self, index: int, page: WalkedPage) -> Mapping[str, Json] | None:
        """Return what is left of every window."""
        if page.following is None:
            self._left.pop(index, None)
        elif self.resumable:
            kept = self.asking.kept(page.following)
            self._left[index] = _kept(self.windows[index], kept)
        else:
            return None
        return {"windows": list(self._left.values())}

    def _bounds(self, window: Window) -> list[tuple[str, str]]:
        known = self.asking.table.windows
        assert known is not None  # noqa: S101 (there are windows)
        bounds = ((known.since, window.since), (known.until, window.until))
        return [(name, day.isoformat()) for name, day in bounds if day is not None]


def values_from(values: Sequence[Value], at: Mapping[str, Json] | None) -> Sequence[Value]:
    """Return the values that are not yet done with.

    The one that was under way may be gone; those after it are known by their order. Raises
    `PlaceLost` if they cannot be.
    """
    if at is None:
        return values
    place, done = at.get("after", at.get("value")), "after" in at
    for index, value in enumerate(values):
        if value == place:
            return values[index + done :]
    try:
        return [v for v in values if v > place]  # type: ignore[operator]  # of one type, or TypeError
    except TypeError:
        raise PlaceLost from None


def cut(
    earliest: date,
    latest: date,
    parallel: int,
    *,
    open_below: bool,
    open_above: bool,
    each: int | None = None,
) -> list[Window]:
    """Return disjoint windows from one day to another; the outer ones open if so wished.

    ``each``: days of a window; None: a few windows for each of the walkers.
    """
    days = (latest - earliest).days + 1
    wanted = _WINDOWS_EACH * parallel if each is None else min(-(-days // each), _MOST_WINDOWS)
    count = max(min(wanted, days), 1)
    starts = [earliest + timedelta(days=days * i // count) for i in range(count)]
    ends = [*(start - timedelta(days=1) for start in starts[1:]), latest]
    windows = [Window(since=s, until=u) for s, u in zip(starts, ends, strict=True)]
    if open_below:
        windows[0] = Window(since=None, until=windows[0].until)
    if open_above:
        windows[-1] = Window(since=windows[-1].since, until=None)
    return windows


def windows_of_json(kept: Json) -> list[Window]:
    """Return the windows of a cursor. Raises `ConfigError` if it has none."""
    try:
        if not isinstance(kept, Sequence):
            raise not_ours()
        return [_window(each) for each in kept]
    except (TypeError, KeyError, ValueError):
        raise not_ours() from None


def _window(kept: Json) -> Window:
    if not isinstance(kept, Mapping):
        raise not_ours()
    return Window(since=_day(kept["since"]), until=_day(kept["until"]), request=kept["request"])


def _day(text: Json) -> date | None:
    return None if text is None else date.fromisoformat(str(text))


def _kept(window: Window, request: Json) -> Json:
    return {
        "since": window.since.isoformat() if window.since else None,
        "until": window.until.isoformat() if window.until else None,
        "request": request,
    }
