"""Sign-ins to APIs that somebody has begun in a browser and not finished yet."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from syncline.control.store.metadata import Instant, metadata

sign_ins = Table(
    "sign_ins",
    metadata,
    #: SHA-256 of the state that comes back with the answer.
    Column("digest", String(64), primary_key=True),
    Column(
        "connection_id",
        String(32),
        ForeignKey("connections.id", ondelete="CASCADE"),
        nullable=False,
    ),
    #: Who has begun, and alone may finish.
    Column("actor", String(100), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    #: The secret of PKCE, sealed.
    Column("verifier", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_sign_ins_expires_at", "expires_at"),
)
