"""How an API tells by itself that something has changed: a hint to read, never the truth."""

from typing import Literal

from pydantic import Field, JsonValue

from syncline.profile.part import Part


class Signature(Part):
    """How a delivery proves who has sent it: an HMAC with a secret that both sides know."""

    header: str = Field(description="The header that has the signature.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field(
        default="sha256", description="Of the HMAC."
    )
    encoding: Literal["hex", "base64", "either"] = Field(
        default="hex", description="How the signature is written; either: where it is not known."
    )
    prefix: str = Field(
        default="", description="What stands before the signature, such as 'sha256='."
    )
    part: str | None = Field(
        default=None,
        description="For headers such as 't=1,v1=ab': the name of the part that has the signature.",
    )
    content: str = Field(
        default="{body}",
        description="What is signed: {body}, and in braces parts and headers of the delivery.",
    )


class Subscription(Part):
    """Deliveries that are asked for, and end unless they are renewed. JSON over the same API.

    Texts of ``create`` and ``renew`` may name {url}, {topic} and {until}.
    """

    path: str = Field(description="Where one is made, by POST; may name settings.")
    one: str = Field(
        description="Where one is renewed, by PATCH, and ended, by DELETE; names {id}."
    )
    create: dict[str, JsonValue] = Field(description="What is posted.")
    renew: dict[str, JsonValue] = Field(description="What is sent to renew one.")
    id: str = Field(description="Dotted path of its id in the answer.")
    until: str | None = Field(
        default=None, description="Dotted path in the answer of the moment at which it ends."
    )
    days: float = Field(gt=0, description="The longest life that can be asked for.")


class Webhooks(Part):
    """How deliveries come, and which tables they are about."""

    signature: Signature = Field(description="How a delivery proves who has sent it.")
    handshake: str | None = Field(
        default=None,
        description="The header with which the API brings the secret, and gets it back; None: "
        "people enter the secret on both sides.",
    )
    topic_header: str | None = Field(
        default=None, description="The header that says what a delivery is about."
    )
    topic_path: str | None = Field(
        default=None, description="The dotted path in the body that does."
    )
    topics: dict[str, tuple[str, ...]] = Field(
        min_length=1,
        description="Topic, or how it begins with '*' behind: the tables that changed. Those that "
        "cannot tell what has changed in them wait for their schedule.",
    )
    subscription: Subscription | None = Field(
        default=None, description="None: people tell the API where to deliver."
    )
