"""A page to ask for, and what a paginator may know of one that came."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl

from syncline.model.batch import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries beside its address: parameters are put into it when it is sent."""

    kind: Literal["form", "json", "graphql"]
    #: The JSON object without parameters.
    content: str = "{}"
    #: Where parameters go in it that do not go to ``default`` and their own name.
    places: tuple[tuple[str, tuple[str, ...]], ...] = ()
    default: tuple[str, ...] = ()
    #: Parameters that stay in the address.
    in_address: frozenset[str] = frozenset()
    #: Parameters that are sent as JSON writes them; others are texts.
    plain: frozenset[str] = frozenset()
    #: Parameters that are sent as lists.
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text that one parameter takes, with places for the values of others."""

    parameter: str
    parts: tuple[str, ...]
    #: Characters of values, and how they are written in the text.
    escapes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One page to ask for. ``url`` has no query string; ``parameters`` may repeat names."""

    url: str
    parameters: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: Body | None = None
    text: Text | None = None

    def having(self, **parameters: str) -> "Request":
        """Return the request with these parameters set, in place of earlier ones."""
        kept = tuple(p for p in self.parameters if p[0] not in parameters)
        return replace(self, parameters=(*kept, *parameters.items()))

    def get(self, parameter: str) -> str | None:
        """Return the first value of a parameter, or None."""
        return next((v for k, v in self.parameters if k == parameter), None)

    def moved(self, url: str, query: str) -> "Request":
        """Return the request at another address; parameters of the body stay in the body."""
        named = tuple(parse_qsl(query, keep_blank_values=True))
        if self.body is not None:
            own = self.body.in_address.union(name for name, _ in named)
            named = (*named, *(p for p in self.parameters if p[0] not in own))
        return replace(self, url=url, parameters=named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a paginator may know of an answer."""

    #: Number of records on the page.
    rows: int
    #: Records asked for per page; None where the API decides.
    size: int | None
    #: Values of the paths that `paths` named, for those that the body has.
    values: Mapping[str, Json]
    #: Header names in lower case.
    headers: Mapping[str, str]
    #: The value that the last record has at the path of `last`.
    last: Json = None
    #: It begins with records that the walk has read before, or need not; None: records have no
    #: key by which that could be told.
    joined: bool | None = None
