"""What all parts of a profile have in common: unknown keys are refused, nothing changes later."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[^\s.{}\[\]\"']+$"

Name: TypeAlias = Annotated[str, Field(pattern=NAME, max_length=100)]


class Part(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)
