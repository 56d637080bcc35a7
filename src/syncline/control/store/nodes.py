"""Nodes: the processes that execute runs, and when each was last heard of."""

from sqlalchemy import Column, Float, Integer, String, Table

from syncline.control.store.metadata import metadata

nodes = Table(
    "nodes",
    metadata,
    #: Of this start of the process and no other; the engine's executor id.
    Column("id", String(100), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(30), nullable=False),
    #: up, draining, dead.
    Column("state", String(10), nullable=False),
    #: Seconds since the epoch by the database's clock: the nodes' own may differ.
    Column("started_at", Float(53), nullable=False),
    Column("beat_at", Float(53), nullable=False),
    #: When it was found dead, or said goodbye.
    Column("ended_at", Float(53)),
)
