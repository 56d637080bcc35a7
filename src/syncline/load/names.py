"""The names of the tables that Syncline keeps beside a target."""

import hashlib

from sqlglot import exp

from syncline.model.job import Task
from syncline.model.ports import Traits

#: The checkpoint ledger, one in each schema that has targets.
LEDGER = "_syncline_checkpoints"
_PREFIX = "_syncline"


def table(name: str, schema: str) -> exp.Table:
    """Return a quoted reference to a table of a schema."""
    return exp.table_(
        exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema, quoted=True)
    )


def staging(task: Task, attempt: str, part: str = "stage") -> str:
    """Return the name of a staging table of one attempt; another attempt has another."""
    return f"{_PREFIX}_{part}_{_short(task.id)}_{_short(attempt)}"


def aside(task: Task, generation: int) -> str:
    """Return the name of the table where a pass begun in this generation is collected."""
    return f"{_PREFIX}_new_{_short(task.id)}_{generation}"


def leftover(task: Task, name: str) -> bool:
    """Say whether a name is that of a staging or aside table of the task, of any attempt."""
    mark = f"_{_short(task.id)}_"
    return name.startswith(tuple(f"{_PREFIX}_{part}{mark}" for part in ("stage", "new", "reject")))


def rejects(target: str, traits: Traits) -> str:
    """Return the name of a target's reject table."""
    return fitting(f"{target}_rejects", traits.max_identifier_length)


def fitting(name: str, length: int) -> str:
    """Return the name, cut to ``length`` characters with a hash that keeps it unique."""
    if len(name) <= length:
        return name
    mark = _short(name)
    return f"{name[: length - len(mark) - 1]}_{mark}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
