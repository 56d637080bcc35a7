"""Declarative manifests of Airbyte connectors, read into profiles."""
