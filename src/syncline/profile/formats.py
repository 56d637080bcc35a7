"""What the bodies of answers are written in; anything but JSON is turned into it before reading."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from syncline.profile.part import Part


class JsonFormat(Part):
    """JSON, one document a page."""

    type: Literal["json"] = Field(description="JSON, one document a page.")


class JsonLinesFormat(Part):
    """One JSON value a line; each is a record."""

    type: Literal["jsonl"] = Field(description="One JSON value a line, each a record.")


class CsvFormat(Part):
    """Lines of fields; a record has a member for each. Empty fields are null, all others texts."""

    type: Literal["csv"] = Field(description="Lines of fields. An empty field is null.")
    delimiter: str = Field(
        default=",", min_length=1, max_length=1, description="The character between fields."
    )
    encoding: str = Field(default="utf-8", description="How characters are written.")
    skip: int = Field(default=0, ge=0, description="Lines before the names, or the first record.")
    names: tuple[str, ...] = Field(
        default=(), description="Names of the fields, where no line of the body has them."
    )


class XmlFormat(Part):
    """XML. Paths begin with the root's name; namespaces are left away.

    An element that has neither attributes nor elements inside is its text, or null if it has
    none; any other is an object: its attributes as ``@name``, its text as ``#text``, and the
    elements inside by name, in a list where a name comes twice.
    """

    type: Literal["xml"] = Field(
        description="XML. Paths begin with the root's name; @name is an attribute, #text the text "
        "beside one."
    )
    depth: int = Field(
        default=100, gt=0, le=400, description="Elements inside each other that are allowed."
    )


Format: TypeAlias = Annotated[
    JsonFormat | JsonLinesFormat | CsvFormat | XmlFormat, Field(discriminator="type")
]
