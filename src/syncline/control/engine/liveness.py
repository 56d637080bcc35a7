"""Which nodes live: each beats by the database's clock, ends itself in time, and buries the dead.

The engine recovers the runs of an executor when it is told that it is dead, but does not find out
by itself. A node is told dead when it has not beaten for a lease; it has ended itself before that,
so at most one step that was frozen in the middle is begun twice, and what that step would commit
is refused by the destination.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from sqlalchemy import ColumnElement, Engine, delete, insert, literal_column, select, update
from sqlalchemy.exc import SQLAlchemyError

from syncline.control.store.nodes import nodes
from syncline.errors import Unavailable

_LOG = logging.getLogger(__name__)
#: What a supervisor sees of a node that ended itself: begin it again.
EXIT_CODE = 75
#: Of a lease: who has not beaten for so long ends itself, before others take over.
_FENCE = 0.8
#: So long is a dead node's leftover looked for: it may have claimed something when it was dead.
_BURIED = 900.0
_FORGOTTEN = 86_400.0
_UP, _DRAINING, _DEAD = "up", "draining", "dead"


def boot_time() -> float:
    """Seconds that go on while the process, or the whole machine, is suspended."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def leave_at_once(reason: str) -> None:
    """End the process without a word to anybody: others have its runs, or soon will."""
    _LOG.critical("this node ends itself: %s", reason)
    os._exit(EXIT_CODE)


class Heartbeat:
    """One node's row, kept alive by a thread of its own; another watches that it is.

    ``recover`` is given the executors that are dead, again and again for a while. ``alone``: no
    other node can be, so that nobody is buried, and nothing is lost if the store is silent.
    """

    def __init__(
        self,
        engine: Engine,
        node: str,
        *,
        lease: float,
        alone: bool,
        recover: Callable[[Sequence[str]], None],
        lost: Callable[[str], None] = leave_at_once,
        now: Callable[[], float] = boot_time,
    ) -> None:
        self._engine = engine
        self._node = node
        self._lease = lease
        self._alone = alone
        self._recover = recover
        self._lost = lost
        self._now = now
        self._beaten = now()
        #: Since when the database has answered every beat.
        self._steady: float | None = None
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._beat_on, name="beat", daemon=True)]
        if not alone:
            self._threads.append(threading.Thread(target=self._watch, name="fence", daemon=True))

    def register(self) -> None:
        """Write the node down and begin to beat; before the engine is launched.

        Otherwise what it does first would look like the work of a node that never was. Raises
        `Unavailable`.
        """
        clock = self._clock()
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(nodes).where(nodes.c.id == self._node))
                connection.execute(
                    insert(nodes).values(
                        id=self._node, host=socket.gethostname(), pid=os.getpid(),
                        version=version("syncline"), state=_UP, started_at=clock, beat_at=clock,
                    )
                )  # fmt: skip
        except SQLAlchemyError as error:
            raise Unavailable(
                f"the node cannot be written down in the store: {_said(error)}",
                hint="is the database running, and may its user write?",
            ) from None
        self._beaten = self._now()
        for thread in self._threads:
            thread.start()

    def ready(self) -> None:
        """The engine is launched: what the dead have left can be recovered."""
        self._ready.set()

    def drain(self) -> None:
        """Tell that the node takes up nothing more."""
        self._say(_DRAINING)

    def leave(self) -> None:
        """Say goodbye: others take over what is left, at once."""
        self.close()
        self._say(_DEAD)

    def close(self) -> None:
        """Stop beating."""
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(self._lease)

    def _say(self, state: str) -> None:
        values: dict[str, object] = {"state": state}
        if state == _DEAD:
            values["ended_at"] = self._clock()
        try:
            with self._engine.begin() as connection:
                connection.execute(update(nodes).where(nodes.c.id == self._node).values(values))
        except SQLAlchemyError as error:
            _LOG.warning("could not tell the others that this node is %s: %s", state, _said(error))

    def _clock(self) -> ColumnElement[float]:
        """The database's clock: those of the nodes may differ by minutes."""
        if self._engine.dialect.name == "postgresql":
            return literal_column("extract(epoch from clock_timestamp())::double precision")
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)")

    def _watch(self) -> None:
        """End the process when its lease is about to end. Asks nobody, so nothing can hold it."""
        while not self._ended.wait(self._lease / 40):
            silent = self._now() - self._beaten
            if silent > _FENCE * self._lease:
                self._lost(f"the store has not answered for {silent:.1f} s")
                return

    def _beat_on(self) -> None:
        # Who is alone beats for people to see, and need not hurry.
        pause = self._lease / 4 if self._alone else min(1.0, self._lease / 6)
        while not self._ended.wait(pause):
            begun = self._now()
            try:
                alive = self._beat()
                self._steady = begun if self._steady is None else self._steady
                self._beaten = begun
                if not self._alone:
                    # After an outage all look dead, until each has had time to beat again.
                    self._bury(judging=begun - self._steady > self._lease)
            except SQLAlchemyError as error:
                self._steady = None
                _LOG.warning("no heartbeat: %s", _said(error))
                continue
            if not alive:
                self._lost("others have taken it for dead")
                return

    def _beat(self) -> bool:
        with self._engine.begin() as connection:
            done = connection.execute(
                update(nodes)
                .where(nodes.c.id == self._node, nodes.c.state != _DEAD)
                .values(beat_at=self._clock())
            )
        return bool(done.rowcount)

    def _bury(self, *, judging: bool) -> None:
        """Take over from those that are dead; ``judging``: and find out who is."""
        clock = self._clock()
        with self._engine.begin() as connection:
            if judging:
                silent = connection.execute(
                    update(nodes)
                    .where(nodes.c.state != _DEAD, nodes.c.beat_at < clock - self._lease)
                    .values(state=_DEAD, ended_at=clock)
                    .returning(nodes.c.id)
                ).scalars()
                for node in silent:
                    _LOG.warning("node %s has not been heard of for %s s", node, self._lease)
            dead = connection.execute(
                select(nodes.c.id).where(
                    nodes.c.state == _DEAD, nodes.c.ended_at > clock - _BURIED
                )
            ).scalars().all()  # fmt: skip
            connection.execute(
                delete(nodes).where(nodes.c.state == _DEAD, nodes.c.ended_at < clock - _FORGOTTEN)
            )
        if dead and self._ready.is_set():
            self._recover(dead)


def _said(error: SQLAlchemyError) -> str:
    """Return what the driver said, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
