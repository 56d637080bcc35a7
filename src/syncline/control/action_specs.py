"""What is done before and after a run or a task, as it is written down."""

import shlex
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class HttpSpec(_Part):
    """A request that is sent."""

    url: str = Field(max_length=4000, description="Its address.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="POST", description="Its method."
    )
    headers: dict[str, str] = Field(default_factory=dict, description="Its headers.")
    body: str | None = Field(
        default=None, description="Its body; default: job, run, phase and state as JSON."
    )


class ActionSpec(_Part):
    """One thing to do: SQL on the destination, a request, another job or a command."""

    sql: str | None = Field(
        default=None, description="Statements on the destination, all or nothing."
    )
    http: HttpSpec | None = Field(
        default=None, description="A request; an answer of 400 or more is a failure."
    )
    job: str | None = Field(
        default=None, description="Another job to start; nobody waits for it to end."
    )
    command: str | None = Field(
        default=None,
        description="A program and its arguments, such as dbt build; where a node's "
        "administrator allows the program.",
    )
    folder: str | None = Field(default=None, description="Of 'command': where it is started.")
    when: Literal["succeeded", "failed", "ended"] = Field(
        default="succeeded", description="In 'after': how the run or task must have ended."
    )
    on_error: Literal["stop", "go_on"] = Field(
        default="stop",
        description="stop: the run or task has failed, and what would follow is left out; go_on: "
        "only its log says so.",
    )
    timeout: float = Field(default=300.0, gt=0, le=86_400, description="Seconds that it may take.")

    @property
    def kind(self) -> str:
        """What it does, in a word."""
        return next(k for k in ("sql", "http", "job", "command") if getattr(self, k) is not None)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [k for k in ("sql", "http", "job", "command") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError("give one of 'sql', 'http', 'job' and 'command'")
        if self.folder is not None and self.command is None:
            raise ValueError("'folder' goes with 'command'")
        if self.command is not None:
            try:
                words = shlex.split(self.command)
            except ValueError as error:
                raise ValueError(f"'command' cannot be read: {error}") from None
            if not words:
                raise ValueError("'command' names no program")
        return self


Actions = tuple[ActionSpec, ...]


def checked_before(actions: Actions) -> Actions:
    """Raise `ValueError` for actions that wait for an end before the beginning."""
    if any(action.when != "succeeded" for action in actions):
        raise ValueError("'when' is for actions in 'after'")
    return actions
