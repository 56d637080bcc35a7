"""Where APIs deliver that something has changed, and the tables that are to be read for it."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from syncline.control.store.metadata import Document, Instant, metadata

hooks = Table(
    "hooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "connection_id",
        String(32),
        ForeignKey("connections.id", ondelete="CASCADE"),
        nullable=False,
    ),
    #: What was subscribed to; '' where the API delivers all to one address.
    Column("topic", String(100), nullable=False),
    #: The part of the address that nobody can guess.
    Column("token", String(64), nullable=False, unique=True),
    #: What the token follows: how this server is reached from outside.
    Column("base_url", Text, nullable=False),
    #: A `Listening`.
    Column("listening", Document, nullable=False),
    #: The shared secret, sealed; None until the API has brought it.
    Column("secret", Text),
    #: The subscription's id at the API; None: not made yet, or not needed.
    Column("remote_id", String(200)),
    #: ``pending``, ``active`` or ``failed``.
    Column("state", String(10), nullable=False),
    Column("error", Text),
    #: When the API ends the subscription.
    Column("expires_at", Instant),
    #: When it is to be made or renewed; None: never.
    Column("due_at", Instant),
    Column("failures", Integer, nullable=False, default=0),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("delivered_at", Instant),
    Column("deliveries", Integer, nullable=False, default=0),
    UniqueConstraint("connection_id", "topic"),
    Index("ix_hooks_due_at", "due_at"),
)

#: Tasks whose source tables have changed, as deliveries say.
touched = Table(
    "touched",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    #: The task's target table.
    Column("target", String(300), primary_key=True),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)
