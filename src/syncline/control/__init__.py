"""Stored or written-down settings, turned into running jobs."""
