"""The names of the tables that Syncline keeps beside a target."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from syncline.model.job import Task
from syncline.model.ports import Traits

#: The checkpoint ledger, one in each schema that has targets.
LEDGER = "_syncline_checkpoints"
_PREFIX = "_syncline"
#: What our tables of an attempt are for.
_PARTS = ("stage", "new", "reject", "batch", "sift", "numbers", "known", "halved")


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


def aside(task: Task, generation: int, attempt: str = "") -> str:
    """Return the name of the table where a pass begun in this generation is collected.

    ``attempt``: which is not to meet the table of another attempt.
    """
    mine = f"{_short(attempt)}_" if attempt else ""
    return f"{_PREFIX}_new_{_short(task.id)}_{mine}{generation}"


def leftover(task: Task, name: str, upto: int) -> bool:
    """Say whether a name is that of a staging or aside table of the task, of any attempt.

    ``upto``: the last generation of asides; one that was begun later is another run's that has
    taken over.
    """
    mark = f"_{_short(task.id)}_"
    if name.startswith(f"{_PREFIX}_new{mark}"):
        return begun(name) <= upto
    return name.startswith(tuple(f"{_PREFIX}_{part}{mark}" for part in _PARTS))


def staged(task: Task, generation: int, attempt: str, part: str = "") -> str:
    """Return the name of the files that one attempt stages for a commit."""
    return f"{folder(task)}/{staged_part(generation, attempt)}{part}"


def staged_part(generation: int, attempt: str) -> str:
    """Return the last part of the name of staged files."""
    return f"{generation}-{_short(attempt)}"


def staged_parts(task: Task, parts: Sequence[str]) -> str:
    """Return the one name of the files of several commits."""
    chosen = parts[0] if len(parts) == 1 else "{" + ",".join(parts) + "}"
    return f"{folder(task)}/{chosen}"


def staged_before(task: Task, generation: int) -> str:
    """Return the one name of all files of commits before a generation, whoever staged them."""
    return f"{folder(task)}/<{generation}"


def folder(task: Task) -> str:
    """Return the name that all staged files of a task begin with."""
    plain = re.sub(r"[^a-z0-9]+", "-", task.id.lower()).strip("-")[:40]
    return f"{plain}-{_short(task.id)}"


def begun(aside: str) -> int:
    """Return the generation in which the pass of an aside table began."""
    number = aside.rpartition("_")[2]
    return int(number) if number.isdecimal() else 0


def target(name: str, traits: Traits) -> str:
    """Return the name of a target as the destination takes it."""
    if not traits.plain_names:
        return fitting(name, traits)
    # Databricks puts the value of a variable in the place of ${…}, in names too.
    plain = re.sub(r"[./\s\x00-\x1f\x7f]|\$(?=\{)", "_", name)
    # Two names that would become one stay two.
    mark = "" if plain == name else f"_{_short(name)}"
    return fitting(f"{plain}{mark}".lower(), traits)


def schema(task: Task, traits: Traits) -> str:
    """Return the schema of a task's target."""
    return target(task.schema, traits) if task.schema else traits.schema


def rejects(name: str, traits: Traits) -> str:
    """Return the name of a target's reject table."""
    return target(f"{name}_rejects", traits)


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
