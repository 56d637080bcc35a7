"""Users, their roles, the one-time links that let them in, and attempts to sign in."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, Table, Text

from syncline.control.store.metadata import Document, Instant, metadata

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("folded", String(100), nullable=False, unique=True),
    Column("email", String(254), nullable=False, default=""),
    #: Argon2; None: no password yet, or signs in elsewhere only.
    Column("password", Text),
    #: Issuer and subject at an OpenID provider, as ``issuer|subject``.
    Column("subject", String(500), unique=True),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", Instant, nullable=False),
    Column("signed_in_at", Instant),
)

#: Roles beyond the four that are part of Syncline.
roles = Table(
    "roles",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("description", Text, nullable=False, default=""),
    #: A list of `Policy`.
    Column("policies", Document, nullable=False),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(50), primary_key=True),
)

#: One-time links: of the first administrator, of new users, and to set a new password.
invitations = Table(
    "invitations",
    metadata,
    #: SHA-256 of the secret in the link.
    Column("digest", String(64), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Instant, nullable=False),
)

#: A bucket of attempts for each user name and each address.
attempts = Table(
    "attempts",
    metadata,
    Column("key", String(300), primary_key=True),
    #: Attempts that are left at ``at``; they come back with time.
    Column("left", Float, nullable=False),
    Column("at", Instant, nullable=False),
)
