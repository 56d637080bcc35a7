"""An OpenAPI 3 or Swagger 2 document: references followed, GET operations in one form."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, ClassVar, TypeAlias

import msgspec
import yaml

from syncline.errors import ProfileError
from syncline.profile.nesting import too_deep

#: A part of the document, as it was read.
Node: TypeAlias = Mapping[str, Any]

#: Longer documents are refused, in bytes.
LONGEST = 64 * 2**20
#: Schemas and members that are looked at, and seconds that it takes, before a document is given up.
STEPS, SECONDS = 400_000, 60.0
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Words(_Loader):  # type: ignore[misc, valid-type]  # the base is chosen at run time
    """Dates of examples stay texts, and so do words like ``on``, as in YAML 1.2."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [(tag, p) for tag, p in known if tag.rsplit(":", 1)[-1] not in {"timestamp", "bool"}]
        for first, known in _Loader.yaml_implicit_resolvers.items()
    }


_Words.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of an operation."""

    name: str
    #: query, path, header or cookie.
    where: str
    schema: Node
    description: str
    required: bool
    #: Several values are sent with commas between, in place of the name again and again.
    comma: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A GET of the document."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    #: Schema of a successful answer in JSON; None if there is none.
    answer: Node | None
    #: Names of the answer's headers, in lower case.
    headers: frozenset[str]
    #: Schemas of answers that refuse.
    refusals: tuple[Node, ...]
    deprecated: bool

    def query(self) -> Iterator[Parameter]:
        """Yield the parameters of the query string."""
        return (p for p in self.parameters if p.where == "query")


@dataclass(slots=True, kw_only=True)
class Work:
    """What may still be done for one document: a few lines can stand for endlessly many schemas."""

    steps: int = STEPS
    until: float = float("inf")

    def spend(self, steps: int, origin: str) -> None:
        """Take note of steps. Raises `ProfileError` if there were too many, or for too long."""
        self.steps -= steps
        if self.steps < 0 or monotonic() > self.until:
            raise ProfileError(
                f"{origin}: its schemas stand for so many others that they were not all followed",
                hint="cut out the paths that are wanted, or raise --effort",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that can be asked."""

    origin: str
    content: Node = field(repr=False)
    swagger: bool
    #: What was found out about parts that are referred to, by reference.
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    work: Work = field(default_factory=Work, repr=False, compare=False)

    def resolved(self, node: Any) -> Node:
        """Return a part with its reference followed; what stands beside the reference wins.

        Raises `ProfileError` for a reference that leads nowhere or in a circle.
        """
        seen: list[str] = []
        beside: dict[str, Any] = {}
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            if reference in seen:
                raise ProfileError(f"{self.origin}: {reference} refers to itself")
            seen.append(reference)
            beside = {k: v for k, v in node.items() if k != "$ref"} | beside
            node = self._at(reference)
        if not isinstance(node, Mapping):
            return beside
        return {**node, **beside} if beside else node

    def operations(self) -> Iterator[Operation]:
        """Yield every GET, in the document's order."""
        for path, item in mapping(self.content.get("paths")).items():
            known = self.resolved(item)
            get = known.get("get")
            if isinstance(get, Mapping):
                yield self._operation(str(path), known, get)

    def schemes(self) -> Mapping[str, Node]:
        """Return the security schemes by name, those that the document requires first."""
        if self.swagger:
            found = self.content.get("securityDefinitions")
        else:
            found = mapping(self.content.get("components")).get("securitySchemes")
        known = {str(k): self.resolved(v) for k, v in mapping(found).items()}
        required = [mapping(each) for each in sequence(self.content.get("security"))]
        wanted = [name for each in required for name in each if name in known]
        return {name: known[name] for name in dict.fromkeys([*wanted, *known])}

    def servers(self) -> Sequence[Node]:
        """Return the servers as OpenAPI 3 has them: ``url``, ``description``, ``variables``."""
        if not self.swagger:
            return [self.resolved(server) for server in sequence(self.content.get("servers"))]
        host = self.content.get("host")
        if not host:
            return [{"url": self.content.get("basePath", "/")}]
        schemes = sequence(self.content.get("schemes")) or ["https"]
        scheme = "https" if "https" in schemes else schemes[0]
        return [{"url": f"{scheme}://{host}{self.content.get('basePath', '')}"}]

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise ProfileError(
                f"{self.origin}: {reference} is in another document",
                hint="join the documents into one first, with any OpenAPI bundler",
            )
        node: Any = self.content
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            if isinstance(node, Sequence) and not isinstance(node, str) and key.isdecimal():
                node = node[int(key)] if int(key) < len(node) else None
            else:
                node = node.get(key) if isinstance(node, Mapping) else None
            if node is None:
                raise ProfileError(f"{self.origin}: {reference} leads nowhere")
        return node

    def _operation(self, path: str, item: Node, get: Node) -> Operation:
        both = [*sequence(item.get("parameters")), *sequence(get.get("parameters"))]
        parameters: dict[tuple[str, str], Parameter] = {}
        for each in both:
            known = self._parameter(self.resolved(each))
            parameters[known.where, known.name] = known
        given = mapping(get.get("responses"))
        responses = {str(k): self.resolved(v) for k, v in given.items()}
        good = next((responses[c] for c in ("200", "2XX", "2xx", "default") if c in responses), {})
        refused = [r for code, r in responses.items() if re.match("[45]|default", code)]
        return Operation(
            path=path,
            summary=str(get.get("summary") or get.get("description") or ""),
            parameters=tuple(parameters.values()),
            answer=self._json(good, get),
            headers=frozenset(str(h).lower() for h in mapping(good.get("headers"))),
            refusals=tuple(s for r in refused if (s := self._json(r, get)) is not None),
            deprecated=bool(get.get("deprecated")),
        )

    def _parameter(self, given: Node) -> Parameter:
        schema = given if self.swagger else self._parameter_schema(given)
        form = given.get("collectionFormat", "csv") if self.swagger else given.get("style", "form")
        comma = form == "csv" if self.swagger else given.get("explode") is False
        return Parameter(
            name=str(given.get("name", "")),
            where=str(given.get("in", "")),
            schema=schema,
            description=str(given.get("description") or schema.get("description") or ""),
            required=bool(given.get("required")),
            comma=comma,
        )

    def _parameter_schema(self, given: Node) -> Node:
        content = mapping(given.get("content"))
        inside = next((mapping(c).get("schema") for c in content.values()), None)
        return self.resolved(given.get("schema") or inside or {})

    def _json(self, response: Node, operation: Node) -> Node | None:
        if self.swagger:
            produces = sequence(operation.get("produces") or self.content.get("produces"))
            spoken = not produces or any(_is_json(str(kind)) for kind in produces)
            return mapping(response["schema"]) if spoken and "schema" in response else None
        for kind, content in mapping(response.get("content")).items():
            if _is_json(str(kind)) and "schema" in mapping(content):
                return mapping(content["schema"])
        return None


def mapping(value: Any) -> Node:
    """Return a part that should be a mapping; an empty one where it is not."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """Return a part that should be a list; an empty one where it is not."""
    return value if isinstance(value, list | tuple) else ()


def read_document(text: bytes, origin: str, *, effort: float = 1.0) -> Document:
    """Return the document in a JSON or YAML text; ``origin`` names it in messages.

    ``effort``: so many times the usual size, work and time are allowed. Raises `ProfileError` if
    it is no OpenAPI 3 or Swagger 2 document.
    """
    if len(text) > LONGEST * effort:
        raise ProfileError(
            f"{origin} is longer than {LONGEST * effort / 2**20:g} MiB",
            hint="cut out the paths that are wanted, or raise --effort",
        )
    content = _decoded(text.removeprefix(b"\xef\xbb\xbf"), origin)
    version = str(content.get("openapi") or content.get("swagger") or "")
    if not isinstance(content.get("paths"), Mapping) or version.partition(".")[0] not in {"2", "3"}:
        raise ProfileError(
            f"{origin} is no OpenAPI 3 or Swagger 2 document",
            hint="it must have 'openapi: 3.…' or 'swagger: \"2.0\"', and 'paths'",
        )
    work = Work(steps=int(STEPS * effort), until=monotonic() + SECONDS * effort)
    return Document(origin=origin, content=content, swagger=version.startswith("2"), work=work)


def _decoded(text: bytes, origin: str) -> Mapping[str, Any]:
    try:
        if text.lstrip()[:1] == b"{":
            found = msgspec.json.decode(text)
        else:
            words = text.decode()
            if wrong := too_deep(words):
                raise ProfileError(f"{origin}: {wrong}", hint="cut out the paths that are wanted")
            found = yaml.load(words, Loader=_Words)  # noqa: S506 (a subclass of the safe loader)
    except msgspec.DecodeError as error:
        raise ProfileError(f"{origin}: not JSON: {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ProfileError(f"{origin}{where}: not YAML: {problem}") from error
    except RecursionError as error:
        raise ProfileError(f"{origin} is nested too deeply") from error
    return found if isinstance(found, Mapping) else {}


def _is_json(kind: str) -> bool:
    plain = kind.partition(";")[0].strip().lower()
    return plain in {"application/json", "text/json", "*/*"} or plain.endswith("+json")
