"""What a notice says: a title, some lines for people, and a mark to know it again by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_TITLES = {
    "failure": "{job} has failed",
    "success": "{job} has succeeded",
    "no_rows": "{job} has changed nothing",
    "row_drop": "{job} has read fewer rows than usual",
    "late": "{job} is late",
}
_TONES = {"failure": "failure", "success": "success", "test": "info"}
#: An error may quote a long statement.
_LONGEST = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one channel. Invariant 7: nothing in it is secret."""

    #: The same for the same event and channel, however often it is sent.
    id: str
    title: str
    text: str
    #: info, success, warning or failure.
    tone: str


def message_of(notice: str, facts: Mapping[str, Any], address: str) -> Message:
    """Return what a notice says. ``address``: of the web application, '' if nobody has said."""
    kind = str(facts["kind"])
    lines = _late(facts) if kind == "late" else _ended(facts)
    if address:
        run = facts.get("run")
        path = f"/runs/{run}" if run else f"/jobs/{facts['job']}"
        lines.append(f"{address.rstrip('/')}{path}")
    lines += ["", f"Notice {notice}"]
    return Message(
        id=notice,
        title=_TITLES[kind].format(job=facts["job"]),
        text="\n".join(lines),
        tone=_TONES.get(kind, "warning"),
    )


def trial(notice: str, channel: str, address: str) -> Message:
    """Return the message that tries a channel."""
    lines = [f"This is a test of the channel {channel}. Nothing has happened."]
    lines += [address] if address else []
    return Message(
        id=notice,
        title="Test of a Syncline channel",
        text="\n".join([*lines, "", f"Notice {notice}"]),
        tone="info",
    )


def _ended(facts: Mapping[str, Any]) -> list[str]:
    lines = [f"State: {facts['state']} ({facts['reason']} run, {facts['seconds']:g} s)"]
    if facts["kind"] == "row_drop":
        lines.append(
            f"Rows: {facts['read']:,} read; {facts['usual']:,} are usual, and the alert is for "
            f"{facts['percent']:g} % fewer"
        )
    changes = ", ".join(f"{facts[n]:,} {n}" for n in ("read", "inserted", "updated", "deleted"))
    rejected = f", {facts['rejected']:,} rejected" if facts["rejected"] else ""
    lines.append(f"Rows: {changes}{rejected}")
    if facts["failed_tasks"]:
        lines.append(f"Failed tasks: {', '.join(facts['failed_tasks'])} (of {facts['tasks']})")
    if facts["error"]:
        lines.append(f"Error: {_short(facts['error'])} [{facts['code']}]")
    if facts["hint"]:
        lines.append(f"What to do: {_short(facts['hint'])}")
    return lines


def _late(facts: Mapping[str, Any]) -> list[str]:
    planned = datetime.fromisoformat(facts["planned_at"]).astimezone(UTC)
    after = f"{facts['minutes']:g} minutes later no run has ended"
    lines = [f"Planned for {planned:%Y-%m-%d %H:%M} UTC; {after}."]
    if facts["reason"]:
        lines.append(f"The start was skipped: {facts['reason']}")
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
