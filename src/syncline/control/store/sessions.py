"""Sessions of people who have signed in with a browser, and answers kept for repeated requests."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from syncline.control.store.metadata import Document, Instant, metadata

sessions = Table(
    "sessions",
    metadata,
    #: SHA-256 of the cookie.
    Column("digest", String(64), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("address", String(100), nullable=False, default=""),
    Column("agent", String(300), nullable=False, default=""),
    Index("ix_sessions_user_id", "user_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

#: What was answered to a request with an idempotency key.
answers = Table(
    "answers",
    metadata,
    #: SHA-256 over user and key.
    Column("digest", String(64), primary_key=True),
    #: SHA-256 over method, path and body: the same key for something else is refused.
    Column("request", String(64), nullable=False),
    #: None while the first one is still being answered.
    Column("status", Integer),
    Column("body", Text),
    #: Those that say where or what the thing is; None in an answer of an earlier version.
    Column("headers", Document),
    Column("at", Instant, nullable=False),
    Index("ix_answers_at", "at"),
)
