"""What goes over the wire about people, their sessions, tokens and roles."""

from datetime import datetime

from pydantic import Field, SecretStr

from syncline.api.schemas import In, Out


class SignIn(In):
    """Who wants to sign in."""

    user: str = Field(max_length=200)
    password: SecretStr = Field(max_length=2000)


class LinkIn(In):
    """A one-time link, and the password that is chosen with it."""

    link: SecretStr = Field(max_length=200)
    password: SecretStr = Field(max_length=2000)


class PasswordIn(In):
    """A new password."""

    old: SecretStr = Field(max_length=2000)
    new: SecretStr = Field(max_length=2000)


class SessionOut(Out):
    """Who is signed in."""

    user: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...] = Field(description="On everything, or on some things.")
    csrf: str | None = Field(
        description="To send as X-CSRF-Token with whatever changes something; None for tokens."
    )


class TokenIn(In):
    """A new API token."""

    name: str = Field(examples=["deployment"])
    scopes: list[str] | None = Field(default=None, examples=[["jobs.*", "runs.view"]])
    expires_at: datetime | None = None


class TokenOut(Out):
    """An API token, without itself."""

    id: str
    name: str
    shown: str
    scopes: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class NewTokenOut(TokenOut):
    """A new API token: the only time that it is shown."""

    token: str


class UserOut(Out):
    """A person who may sign in."""

    name: str
    email: str
    roles: tuple[str, ...]
    enabled: bool
    active: bool
    created_at: datetime
    signed_in_at: datetime | None
    version: int


class UserIn(In):
    """A new user."""

    name: str = Field(examples=["ann"])
    roles: list[str] = Field(examples=[["editor"]])
    email: str = ""


class UserChange(In):
    """What of a user changes."""

    email: str | None = None
    roles: tuple[str, ...] | None = None
    enabled: bool | None = None


class InvitedOut(Out):
    """A user, and the secret of the one-time link to choose a password: /welcome/SECRET."""

    user: UserOut
    link: str


class LinkOut(Out):
    """The secret of a one-time link to choose a password: /welcome/SECRET."""

    link: str


class PolicyModel(Out):
    """Permissions on some jobs and connections, or on all."""

    permissions: tuple[str, ...]
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class RoleIn(In):
    """Policies under a name."""

    description: str = ""
    policies: list[PolicyModel] = Field(max_length=50)


class RoleOut(Out):
    """A role."""

    name: str
    description: str
    policies: tuple[PolicyModel, ...]
    fixed: bool
