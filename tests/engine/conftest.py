"""Stores for the engine's tests: the same as those of the control plane."""

from control.conftest import address, postgres_server, postgres_url, store

__all__ = ["address", "postgres_server", "postgres_url", "store"]
