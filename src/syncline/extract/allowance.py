"""How many requests an API allows now, by what it has said and by what was sent; no I/O.

Two rules, each for what is known. Where headers say how many requests are left and when the
window ends, those are followed: the smallest number left that was seen in the window, less the
requests under way, which it may not count yet. Where nothing is said, a request may go when the
one that was N requests earlier was answered a whole window ago: then no server, however it
counts, can have seen more than N in any window. After an answer 429 both rules hold together.
"""

import math
from collections import deque

from syncline.extract.answer import Answer
from syncline.profile.schema import Limits

#: A time in whole seconds may have been rounded down.
_ROUNDED = 1.0
#: Told in whole seconds, one window's end may seem to move by so much.
_SAME = 1.5
#: Our clock and the server's drift apart by less than this.
_DRIFT = 1e-4
#: Shorter than any exchange, longer than any error of floating point.
_MOMENT = 0.001
#: A header's end this much later than ours is another account of the same window.
_NEAR = 3.0
#: Windows that "end later" so often without new requests in them are sliding ones.
_SLIDES = 2


class Allowance:
    """One limit of an API. All times are seconds of our monotonic clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._heard = False
        self._careful = False
        self._blocked = -math.inf
        #: When the last answers came.
        self._times: deque[float] = deque(maxlen=4 * (limits.requests or 0))
        # The window that the headers speak of; ``_left`` is None before they have spoken.
        self._left: int | None = None
        self._limit = limits.requests
        self._assumed = True
        self._opened = -math.inf
        self._by_time = False
        self._first: float | None = None
        self._reset: float | None = None
        self._past: float | None = None
        self._ends: float | None = None
        self._slid = 0
        #: How much later than computed a window was seen to end.
        self._late = 0.0
        #: The server's clock less ours, at least; and when that was computed.
        self._ahead: float | None = None
        self._ahead_at = 0.0
        #: The same by our own clock, for a server that does not tell its time.
        self._ahead_wall: float | None = None

    @property
    def blocked(self) -> float:
        """Nothing may go before this moment, because the API has said so."""
        return self._blocked

    def wait(self, now: float, under_way: int) -> float:
        """Return the seconds until one more request may go.

        Infinite: not before an answer to one of those under way has come.
        """
        if under_way >= self._limits.concurrency:
            return math.inf
        if now < self._blocked:
            return self._blocked - now
        if self._left is None:
            if self._limits.remaining and not self._heard:
                # The first answer tells how much of the window others have used up before us.
                return math.inf if under_way else 0.0
            return self._by_times(now, under_way)
        if self._slid > _SLIDES and self._limits.requests:
            return self._by_times(now, under_way)
        return self._by_window(now, under_way)

    def _by_window(self, now: float, under_way: int) -> float:
        if self._ends is not None and now >= self._ends - _MOMENT:
            self._open(now, by_time=True)
        if (self._left or 0) > under_way:
            return self._by_times(now, under_way) if self._careful else 0.0
        if self._ends is None and not under_way:
            self._first = now
            self._compute_end()
        return math.inf if self._ends is None else self._ends - now

    def answered(self, answer: Answer, *, sent: float, now: float, wall: float) -> None:
        """Take note of an answer; ``wall`` is our clock in seconds since the epoch."""
        self._times.append(now)
        self._heard = True
        if answer.date is not None:
            self._see_date(answer.date, sent, now)
        if sent >= self._opened and self._first is None:
            self._first = now
        left = _number(answer, self._limits.remaining)
        if left is None:
            self._miss()
        else:
            self._see(int(left), _number(answer, self._limits.reset), sent, now, wall)

    def unanswered(self, now: float) -> None:
        """Take note that a request failed without an answer: it may have counted."""
        self._times.append(now)
        self._first = now if self._first is None else self._first
        self._miss()

    def refused(self, answer: Answer, *, wait: float | None, sent: float, now: float) -> None:
        """Take note of an answer 429, after `answered`; ``wait`` is what it asks for."""
        self._careful = True
        if wait is not None:
            reset = _number(answer, self._limits.reset)
            if reset is not None and self._limits.reset_as == "epoch":
                # Two accounts of one moment, by two clocks.
                self._ahead_wall = reset - now - wait
            until = now + wait + (_ROUNDED if wait == int(wait) else 0.0)
        elif self._reset is not None and self._ends is not None and self._ends > now:
            until = self._ends
        else:
            # Without any word on it: a whole window, where one is known.
            until = now + (self._limits.seconds if self._limits.requests else _ROUNDED)
        same = self._reset is None or (self._past is not None and self._reset <= self._past + _SAME)
        if self._by_time and same and sent >= self._opened and self._left == 0:
            # We took a window for ended that was not: from now on we wait that much longer.
            self._late += max(until - self._opened, 0.0)
        self._blocked = max(until, self._blocked)
        if self._left is not None:
            self._open(self._blocked, by_time=False)

    def _by_times(self, now: float, under_way: int) -> float:
        known = self._limits.requests
        if known is None:
            return 0.0
        allowed = known if self._left is None else max(known, self._limit or 0)
        if allowed <= under_way:
            return math.inf
        if len(self._times) < allowed - under_way:
            return 0.0
        wait = self._times[under_way - allowed] + self._limits.seconds + _MOMENT - now
        return wait if wait > _MOMENT / 2 else 0.0

    def _see_date(self, date: float, sent: float, now: float) -> None:
        # The Date header is cut to whole seconds: the truth is in [date, date + 1).
        least, most = date - now, date + 1 - sent
        ahead = self._ahead
        if ahead is not None:
            ahead -= _DRIFT * (now - self._ahead_at)
        # Beyond ``most`` it cannot be: one of the two clocks was set.
        self._ahead = least if ahead is None or ahead > most else max(least, ahead)
        self._ahead_at = now

    def _see(self, left: int, reset: float | None, sent: float, now: float, wall: float) -> None:
        if self._ahead_wall is None:
            self._ahead_wall = wall - now
        if reset is not None and self._limits.reset_as == "seconds":
            reset += now
        elif reset is not None:
            # A window that an answer is from cannot have ended before it was asked for.
            self._ahead_wall = min(self._ahead_wall, reset + _ROUNDED - sent)
        if self._left is None:
            self._opened, self._first, self._left = sent, now, left
        elif self._stale(reset, sent):
            return
        elif self._assumed:
            self._left, self._limit, self._slid = left, left + 1, 0
        elif self._rolled(left, reset):
            if reset is not None and left < self._left:
                self._slid += 1
            self._opened, self._first = sent, now
            self._past, self._reset = self._reset, None
            self._left, self._limit = left, left + 1
        else:
            self._left = min(self._left, left)
        self._assumed = False
        if self._reset is None:
            self._reset = reset
        self._compute_end()

    def _stale(self, reset: float | None, sent: float) -> bool:
        """Say whether headers speak of a window before the one we are in."""
        if not self._assumed:
            return reset is not None and self._reset is not None and reset < self._reset - _SAME
        past = reset is None or (self._past is not None and reset <= self._past + _SAME)
        return past and sent < self._opened

    def _miss(self) -> None:
        if self._left is not None:
            self._left = max(self._left - 1, 0)
            self._compute_end()

    def _rolled(self, left: int, reset: float | None) -> bool:
        """Say whether headers speak of a window after the one we are in."""
        if reset is None or self._reset is None:
            return left > (self._left or 0) + self._limits.concurrency
        return reset > self._reset + _SAME

    def _compute_end(self) -> None:
        """Set the moment at which the window has ended for certain."""
        by_first = by_header = None
        if self._first is not None and (self._limits.requests or self._reset is None):
            # The server had begun its window when it gave the first answer of it.
            by_first = self._first + self._limits.seconds
        if self._reset is not None:
            by_header = self._ours(self._reset)
        known = self._ahead is not None or self._limits.reset_as == "seconds"
        if by_header is None or by_first is None:
            ends = by_first if by_header is None else by_header
        elif not known or by_header - _NEAR <= by_first <= by_header:
            # An epoch means nothing before the server's clock is known.
            ends = by_first
        else:
            ends = by_header
        self._ends = None if ends is None else ends + self._late

    def _ours(self, reset: float) -> float:
        if self._limits.reset_as == "seconds":
            return reset + _ROUNDED
        ahead = self._ahead if self._ahead is not None else self._ahead_wall or 0.0
        return reset - ahead + (_ROUNDED if reset == int(reset) else 0.0)

    def _open(self, now: float, *, by_time: bool) -> None:
        self._left = self._limit or 1
        self._assumed, self._opened, self._by_time = True, now, by_time
        self._past = self._reset if self._reset is not None else self._past
        self._first = self._reset = self._ends = None


def _number(answer: Answer, header: str | None) -> float | None:
    if header is None:
        return None
    try:
        number = float(answer.headers.get(header.lower(), ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
