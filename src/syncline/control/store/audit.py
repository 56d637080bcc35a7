"""The audit log: who changed what, written in the transaction of the change."""

from sqlalchemy import Column, Index, String, Table

from syncline.control.store.metadata import Counter, Document, Instant, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(100), nullable=False),
    #: How the actor came in: ``web``, ``token NAME``, ``command line``, ``schedule``.
    Column("via", String(120), nullable=False),
    #: As the permission is called: ``connections.edit``.
    Column("action", String(50), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    #: Place -> [before, after]; secrets as ``•••``.
    Column("changes", Document, nullable=False),
    Index("ix_audit_kind_name", "kind", "name"),
    Index("ix_audit_at", "at"),
)
