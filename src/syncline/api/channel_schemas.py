"""What goes over the wire about channels."""

from datetime import datetime

from pydantic import Field

from syncline.api.schemas import In, Out

_URL = "As Apprise writes it: mailto://, slack://, workflows:// (Teams), jsons:// (a webhook)."


class ChannelIn(In):
    """A new channel."""

    name: str = Field(
        description="Letters, digits, '_', '.' and '-', at most 50.", examples=["on-call"]
    )
    url: str = Field(max_length=4000, description=_URL, examples=["jsons://hooks.example.com/ops"])
    description: str = ""


class ChannelChange(In):
    """What of a channel changes; what is absent stays."""

    url: str | None = Field(default=None, max_length=4000, description=_URL)
    description: str | None = None


class ChannelOut(Out):
    """A channel; its address is a secret and not shown."""

    name: str
    description: str
    service: str = Field(description="What it is.", examples=["Slack"])
    url: str = Field(description="`${NAME}` where that stands for the address, else a mask.")
    status: str | None = Field(description="How the last delivery went: ok or failed.")
    told_at: datetime | None
    error: str | None
    jobs: int = Field(description="How many jobs have alerts for it.")
    waiting: int = Field(description="Notices that it has still to be told.")
    given_up: int = Field(description="Notices that it has not taken within a day.")
    changed_at: datetime
    changed_by: str
    version: int


class TrialOut(Out):
    """How the test of a channel went."""

    ok: bool
    message: str
    hint: str
    code: str


class AddressIn(In):
    """Where people find the web application."""

    address: str = Field(
        max_length=2000, description="Empty: no links.", examples=["https://syncline.example.com"]
    )
