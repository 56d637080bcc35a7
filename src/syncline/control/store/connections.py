"""Connections: settings of one source or destination, its secrets sealed."""

from sqlalchemy import Column, Integer, String, Table, Text

from syncline.control.store.metadata import Document, Instant, metadata

connections = Table(
    "connections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(50), nullable=False),
    #: The name in small letters: two names may not differ by case alone.
    Column("folded", String(50), nullable=False, unique=True),
    Column("type", String(20), nullable=False),
    Column("description", Text, nullable=False, default=""),
    #: Everything that is no secret, by its canonical name.
    Column("properties", Document, nullable=False),
    #: Canonical name -> sealed value; a profile's secret setting is ``ProfileSettings.NAME``.
    Column("sealed", Document, nullable=False),
    #: OAuth tokens, sealed; None: nobody has signed in.
    Column("tokens", Text),
    #: Who is renewing the tokens, and until when nobody else may.
    Column("tokens_holder", String(32)),
    Column("tokens_held_until", Instant),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(100), nullable=False),
    #: What the last test said: None (never tested), ``ok`` or ``failed``.
    Column("status", String(10)),
    Column("tested_at", Instant),
    Column("test_error", Text),
)
