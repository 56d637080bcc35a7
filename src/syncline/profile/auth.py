"""How an API knows who is asking: the auth schemes that a profile may name."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


class _Scheme(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class NoAuth(_Scheme):
    """Anyone may ask."""

    scheme: Literal["None"] = Field(description="Anyone may ask.")


class Basic(_Scheme):
    """User and password in the Authorization header."""

    scheme: Literal["Basic"] = Field(description="User and password in the Authorization header.")
    user: str = Field(default="{User}", description="May name settings.")
    password: str = Field(default="{Password}", description="May name settings.")


class HeaderToken(_Scheme):
    """A token in a header."""

    scheme: Literal["Token"] = Field(description="A token in a header.")
    header: str = Field(default="Authorization", description="Name of the header.")
    value: str = Field(
        default="Bearer {Token}", description="May name settings.", examples=["Token {APIKey}"]
    )


class ApiKey(_Scheme):
    """A key in the query string. It is cut from every log and error."""

    scheme: Literal["APIKey"] = Field(description="A key in the query string.")
    parameter: str = Field(default="api_key", description="The query parameter that takes it.")
    value: str = Field(default="{APIKey}", description="May name settings.")


class OAuth(_Scheme):
    """OAuth 2.0 authorization code with refresh (RFC 6749), optionally with PKCE (RFC 7636)."""

    scheme: Literal["OAuth"] = Field(description="OAuth 2.0 authorization code with refresh.")
    authorize_url: str = Field(
        description="Where people agree; may name settings. Empty: unknown, so that tokens must be "
        "given, and are only refreshed."
    )
    token_url: str = Field(description="Where codes become tokens; may name settings.")
    revoke_url: str | None = Field(
        default=None, description="Where tokens are given back; may name settings."
    )
    scope: str = Field(default="", description="What to ask for, with spaces between.")
    pkce: bool = Field(default=False, description="Prove with PKCE who asked for the code.")
    client_auth: Literal["body", "basic"] = Field(
        default="body", description="How the client proves itself at token_url."
    )
    parameters: dict[str, str] = Field(
        default_factory=dict, description="More parameters of the authorize address."
    )


class OAuthClient(_Scheme):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    scheme: Literal["OAuthClient"] = Field(description="OAuth 2.0 client credentials.")
    token_url: str = Field(description="Where tokens come from; may name settings.")
    scope: str = Field(default="", description="What to ask for, with spaces between.")
    client_auth: Literal["body", "basic"] = Field(
        default="body", description="How the client proves itself at token_url."
    )


AuthScheme: TypeAlias = Annotated[
    NoAuth | Basic | HeaderToken | ApiKey | OAuth | OAuthClient, Field(discriminator="scheme")
]
