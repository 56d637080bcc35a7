"""An RSD file as a tree of elements; namespaces become what CData's documentation calls them."""

from dataclasses import dataclass, field
from xml.parsers import expat

from syncline.errors import ProfileError

_DEEPEST = 100


@dataclass(slots=True, kw_only=True)
class Element:
    """One element."""

    #: In lower case, with its prefix: "api:set", "attr".
    tag: str
    #: Names in lower case, with their prefixes: "xs:type", "other:xpath".
    attributes: dict[str, str]
    inside: "list[Element]" = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return an attribute; '' if it is not there."""
        return self.attributes.get(name, "")


def parsed(text: bytes, origin: str) -> Element:
    """Return the root of an RSD file. Raises `ProfileError` if it is none."""
    root = Element(tag="", attributes={})
    opened = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(opened) > _DEEPEST:
            raise ProfileError(f"{origin}: more than {_DEEPEST} elements inside each other")
        lowered = {key.lower(): value for key, value in attributes.items()}
        element = Element(tag=name.lower(), attributes=lowered)
        opened[-1].inside.append(element)
        opened.append(element)

    def end(_name: str) -> None:
        opened.pop()

    def entity(*_: object) -> int:
        raise ProfileError(f"{origin}: it declares entities, which are not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    parser.ExternalEntityRefHandler = entity
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise ProfileError(f"{origin}:{error.lineno}: not XML: {error}") from error
    script = root.inside[0]
    if script.tag != "api:script":
        raise ProfileError(
            f"{origin}: no RSD file: its root is {script.tag!r}, not 'api:script'",
            hint="give an .rsd file, or an .apip archive of them",
        )
    return script
