"""What all ways from page to page have in common."""

from pydantic import BaseModel, ConfigDict

from syncline.model.table import Misses
from syncline.profile.request import Request


class Turning(BaseModel):
    """A way from page to page."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def paths(self) -> tuple[str, ...]:
        """Return the dotted paths of the body that `next` reads."""
        return ()

    def last(self) -> str | None:
        """Return the dotted path in the last record that `next` reads, if it reads one."""
        return None

    def first(self, request: Request) -> Request:
        """Return the request of the first page."""
        return request

    @property
    def resumable(self) -> bool:
        """Whether the request of a page still names the same page after rows came or went."""
        return True

    @property
    def early(self) -> bool:
        """Whether `next` needs nothing of a page but its values and headers."""
        return False

    @property
    def overlaps(self) -> bool:
        """Whether a page may begin with records that a page before it had."""
        return False

    def joins(self, request: Request) -> bool:  # noqa: ARG002 (one interface)
        """Say whether a page must begin with records that a page before it had."""
        return False

    def misses(self, *, keyed: bool) -> Misses:  # noqa: ARG002 (one interface)
        """Return when a walk misses a row; ``keyed``: rows can be told apart."""
        return Misses.NEVER
