"""The control plane's own database: its tables, opening it, moving it to a newer schema."""
