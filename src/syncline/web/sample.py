"""Sample data for whoever has no account at hand: what the pages need to know of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from syncline.control.project import ConnectionSpec

#: Makes sample data answer, and returns connections to it and to somewhere to keep it, by name:
#: the source first, then the destination.
Sample: TypeAlias = Callable[[], Awaitable[Mapping[str, ConnectionSpec]]]
