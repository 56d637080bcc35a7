"""A job of a project file as log lines, where nobody watches a progress display."""

import logging
from typing import Self

from syncline.control.engine.telling import logged, told
from syncline.model.job import Task
from syncline.model.run import Event

_LOG = logging.getLogger(__name__)


class JobLog:
    """Logs what the tasks of a job are doing; stands in for `JobProgress`."""

    def __init__(self, run: str) -> None:
        self._run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        del exc

    def __call__(self, task: Task, event: Event) -> None:
        """Take an event in."""
        if (line := told(event)) is not None:
            logged(line, run=self._run, task=task.id, target=task.target)

    def waiting(self, event: Event) -> None:
        """Take in that the source makes the whole connection wait."""
        if (line := told(event)) is not None:
            logged(line, run=self._run)

    def print(self, text: str) -> None:
        """Take in a line for the user."""
        _LOG.info("%s", text, extra={"run": self._run})
