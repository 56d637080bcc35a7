"""Syncline replicates SaaS APIs into databases: incrementally, resumably, exactly."""

__version__ = "0.1.0"
