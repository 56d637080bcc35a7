"""Durable execution of runs: what the store says shall run is run, through any crash."""
