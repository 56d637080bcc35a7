"""What holds for the whole installation, by name."""

from sqlalchemy import Column, String, Table

from syncline.control.store.metadata import Document, metadata

settings = Table(
    "settings",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("value", Document, nullable=False),
)
