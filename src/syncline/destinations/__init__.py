"""Transports of Arrow and SQL, one module a database; no policy."""
