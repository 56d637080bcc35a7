"""The names of the tables that Syncline keeps beside a target."""

import hashlib
from collections.abc import Iterable, Mapping

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


def ours(name: str) -> bool:
    """Say whether only we make tables of that name."""
    return name.lower().startswith(_PREFIX)


def staging(task: Task, attempt: str, part: str = "stage") -> str:
    """Return the name of a staging table of one attempt; another attempt has another."""
    return f"{_PREFIX}_{part}_{_short(task.id)}_{_short(attempt)}"


def aside(task: Task, generation: int) -> str:
    """Return the name of the table where a pass begun in this generation is collected."""
    return f"{_PREFIX}_new_{_short(task.id)}_{generation}"


def leftover(task: Task, name: str) -> bool:
    """Say whether a name is that of a staging or aside table of the task, of any attempt."""
    mark = f"_{_short(task.id)}_"
    return name.startswith(
        tuple(f"{_PREFIX}_{part}{mark}" for part in ("stage", "new", "reject", "batch"))
    )


def rejects(target: str, traits: Traits) -> str:
    """Return the name of a target's reject table."""
    return fitting(f"{target}_rejects", traits)


def fitting(name: str, traits: Traits) -> str:
    """Return the name, cut to what the destination takes with a hash that keeps it unique."""
    length = traits.max_identifier_length
    if len(name.encode() if traits.identifier_bytes else name) <= length:
        return name
    mark = f"_{_short(name)}"
    if not traits.identifier_bytes:
        return name[: length - len(mark)] + mark
    return name.encode()[: length - len(mark)].decode(errors="ignore") + mark


def too_long(columns: Iterable[str], traits: Traits) -> Mapping[str, str]:
    """Return the names that the destination does not take, and the ones it gets instead."""
    cut = {name: fitting(name, traits) for name in columns}
    return {name: shorter for name, shorter in cut.items() if shorter != name}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
