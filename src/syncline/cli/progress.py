"""Progress of a job on the terminal: one line a task while it runs."""

from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TaskID as Line
from rich.table import Column

from syncline.model.job import Task
from syncline.model.run import Committed, Event, Evolved, Planned, Read, Waiting


class JobProgress:
    """Shows what the tasks of a job are doing; a `syncline.control.jobs.JobObserver`."""

    def __init__(self, tasks: Sequence[Task], console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            TextColumn("[cyan]{task.fields[rows]:>10,} rows[/]"),
            TextColumn("[dim]{task.fields[requests]:>6,} requests[/]"),
            TimeElapsedColumn(),
            # What is left of the line; a note is cut rather than a name or a number.
            TextColumn(
                "[dim]{task.fields[note]}[/]",
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=console,
            expand=True,
            transient=True,
        )
        self._lines: dict[str, Line] = {}
        self._width = max((len(t.target) for t in tasks), default=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def __call__(self, task: Task, event: Event) -> None:
        """Take an event in."""
        line = self._line(task)
        match event:
            case Planned(full_because=str(why)) if why:
                self._progress.update(line, note=f"reads everything: {why}")
            case Planned(incremental=incremental, resuming=resuming):
                note = "goes on" if resuming else "changes only" if incremental else "first load"
                self._progress.update(line, note=note)
            case Read(rows=rows, requests=requests):
                self._progress.update(line, rows=rows, requests=requests)
            case Waiting(seconds=seconds, reason=reason):
                self._progress.update(line, note=f"waits {seconds:.0f} s: {reason}")
            case Evolved(changes=changes):
                for change in changes:
                    self._progress.print(f"{escape(task.target)}: {escape(change)}")
            case Committed(generation=generation):
                self._progress.update(line, note=f"committed {generation}")

    def waiting(self, event: Event) -> None:
        """Take in that the source makes the whole connection wait."""
        if isinstance(event, Waiting):
            for task in self._progress.tasks:
                if task.visible:
                    note = f"waits {event.seconds:.0f} s: {event.reason}"
                    self._progress.update(task.id, note=note)

    def print(self, text: str) -> None:
        """Print a line above the progress."""
        self._progress.print(text)

    def finished(self, task: Task) -> None:
        """Take the line of a task that has ended away."""
        self._progress.update(self._line(task), visible=False)

    def _line(self, task: Task) -> Line:
        if task.id not in self._lines:
            self._lines[task.id] = self._progress.add_task(
                escape(task.target.ljust(self._width)), total=None, rows=0, requests=0, note=""
            )
        return self._lines[task.id]
