"""Error handlers of manifests: what is asked again, and what is taken for nothing there."""

from collections.abc import Iterator
from dataclasses import dataclass

from syncline.profile.airbyte.expressions import Constant
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component
from syncline.profile.airbyte.templates import expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What answers without success mean."""

    again: frozenset[int] = frozenset()
    absent: tuple[int, ...] = ()
    #: The header that asks for a wait.
    after: str = ""
    attempts: int = 0
    notes: tuple[str, ...] = ()


def failures_of(component: Component | None) -> Failures:
    """Return what error handlers say; what has no equal changes no rows, and is only noted."""
    again: set[int] = set()
    absent: dict[int, None] = {}
    notes: list[str] = []
    after, attempts = "", 0
    for handler in _handlers(component):
        if handler.type not in {"", "DefaultErrorHandler"}:
            notes.append(f"{handler.type} is left out: our own ways to ask again stay")
            continue
        tries = handler.get("max_retries")
        attempts = max(attempts, tries + 1 if isinstance(tries, int) else 0)
        for strategy in handler.parts("backoff_strategies"):
            header, note = _header(strategy)
            after = after or header
            notes += note
        for condition in handler.parts("response_filters"):
            statuses = _statuses(condition)
            by_words = condition.has("predicate") or condition.has("error_message_contains")
            action = str(condition.get("action", "")).upper()
            if by_words and action not in {"", "FAIL"}:
                notes.append(f"HttpResponseFilter is left out: {action} by what an answer says")
            elif action == "IGNORE":
                absent |= dict.fromkeys(statuses)
            elif action in {"RETRY", "RATE_LIMITED"}:
                again.update(statuses)
    return Failures(
        again=frozenset(again), absent=tuple(absent), after=after, attempts=attempts,
        notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _handlers(component: Component | None) -> Iterator[Component]:
    if component is None:
        return
    if component.type == "CompositeErrorHandler":
        for inner in component.parts("error_handlers"):
            yield from _handlers(inner)
    else:
        yield component


def _statuses(condition: Component) -> list[int]:
    given = condition.get("http_codes")
    each = given if isinstance(given, list) else [given]
    return [int(code) for code in each if isinstance(code, int) or str(code).isdecimal()]


def _header(strategy: Component) -> tuple[str, list[str]]:
    if strategy.type in {"WaitTimeFromHeader", "WaitUntilTimeFromHeader"}:
        try:
            found = expression(strategy.get("header"), strategy.parameters)
        except Refused:
            found = Constant(value=None)
        if isinstance(found, Constant) and isinstance(found.value, str):
            left = strategy.has("regex") or strategy.has("min_wait")
            note = [f"{strategy.type}: regex and min_wait are left out"] if left else []
            return found.value, note
    if strategy.type in {"ConstantBackoffStrategy", "ExponentialBackoffStrategy"}:
        return "", []
    return "", [f"{strategy.type} is left out: waits grow from half a second"]
