"""Profiles that ship with Syncline: data, not code."""
