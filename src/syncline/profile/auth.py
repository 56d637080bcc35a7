"""How an API knows who is asking: the auth schemes that a profile may name."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field


class _Scheme(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Scheme):
    """Anyone may ask."""

    scheme: Literal["None"]


class Basic(_Scheme):
    """User and password in the Authorization header."""

    scheme: Literal["Basic"]
    user: str = "{User}"
    password: str = "{Password}"


class HeaderToken(_Scheme):
    """A token in a header."""

    scheme: Literal["Token"]
    header: str = "Authorization"
    value: str = Field(default="Bearer {Token}", examples=["Token {APIKey}"])


class ApiKey(_Scheme):
    """A key in the query string. It is cut from every log and error."""

    scheme: Literal["APIKey"]
    parameter: str = "api_key"
    value: str = "{APIKey}"


class OAuth(_Scheme):
    """OAuth 2.0 authorization code with refresh (RFC 6749), optionally with PKCE (RFC 7636)."""

    scheme: Literal["OAuth"]
    authorize_url: str
    token_url: str
    revoke_url: str | None = None
    scope: str = ""
    pkce: bool = False
    client_auth: Literal["body", "basic"] = Field(
        default="body", description="How the client proves itself at token_url."
    )
    parameters: dict[str, str] = Field(
        default_factory=dict, description="More parameters of the authorize address."
    )


class OAuthClient(_Scheme):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    scheme: Literal["OAuthClient"]
    token_url: str
    scope: str = ""
    client_auth: Literal["body", "basic"] = "body"


AuthScheme: TypeAlias = Annotated[
    NoAuth | Basic | HeaderToken | ApiKey | OAuth | OAuthClient, Field(discriminator="scheme")
]
