"""Lists that are asked for with a body (JSON, form fields, GraphQL) or in a query language."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from syncline.profile.part import Part


class _Posted(Part):
    in_address: tuple[str, ...] = Field(
        default=(), description="Parameters that stay in the address; all others go in the body."
    )


class FormBody(_Posted):
    """Parameters as form fields."""

    type: Literal["form"] = Field(description="Parameters as form fields.")


class _JsonBody(_Posted):
    places: dict[str, str] = Field(
        default_factory=dict,
        description="Parameter: dotted path where it goes, if it is not its name. A number is a "
        "place in a list that the content has: filterGroups.0.filters.0.value.",
    )
    lists: tuple[str, ...] = Field(
        default=(),
        description="Parameters that are sent as a list: of their values, or of what stands "
        "between commas.",
    )
    plain: tuple[str, ...] = Field(
        default=(),
        description="Parameters that are sent as JSON writes them, not as texts. Page sizes, "
        "offsets, numbers of pages and filters of numbers and booleans always are.",
    )


class JsonBody(_JsonBody):
    """A JSON object, into which parameters are put."""

    type: Literal["json"] = Field(description="A JSON object, into which parameters are put.")
    content: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="The object without parameters; its texts may name settings and "
        "{parent.column}.",
    )


class GraphQLBody(_JsonBody):
    """A GraphQL query; parameters are its variables."""

    type: Literal["graphql"] = Field(description="A GraphQL query; parameters are its variables.")
    query: str = Field(description="Sent as it is.")
    variables: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="More variables; their texts may name settings and {parent.column}.",
    )


Posting: TypeAlias = Annotated[FormBody | JsonBody | GraphQLBody, Field(discriminator="type")]


class QueryText(Part):
    """A text in a query language that one parameter takes; it has places for other parameters.

    Those of pages, filters and the time of the last change may be among them, and so may be
    parameters that the profile sets. What stands in the text is not sent beside it.
    """

    parameter: str = Field(default="query", description="The parameter that takes the text.")
    parts: tuple[str, ...] = Field(
        min_length=1,
        description="Joined with spaces. {name} is the value of the parameter of that name; a part "
        "whose place has no value is left away.",
    )
    escapes: dict[Annotated[str, Field(min_length=1, max_length=1)], str] = Field(
        default_factory=lambda: {"'": "''"},
        description="Character of a value: what it is in the text.",
    )
