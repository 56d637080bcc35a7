"""API tokens: only their digests are kept."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from syncline.control.store.metadata import Document, Instant, metadata

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    #: SHA-256 of the token, which has 256 random bits of its own.
    Column("digest", String(64), nullable=False, unique=True),
    #: Its first characters, to recognise it by.
    Column("shown", String(20), nullable=False),
    #: Permissions it is limited to; None: all of its user's.
    Column("scopes", Document),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Index("ix_tokens_user_id", "user_id"),
)
