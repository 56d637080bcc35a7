"""Labels: words that people put on jobs and connections to find them again."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from syncline.control.store.metadata import metadata

job_labels = Table(
    "job_labels",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("label", String(50), primary_key=True),
    Index("ix_job_labels_label", "label"),
)

connection_labels = Table(
    "connection_labels",
    metadata,
    Column(
        "connection_id",
        String(32),
        ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("label", String(50), primary_key=True),
    Index("ix_connection_labels_label", "label"),
)
