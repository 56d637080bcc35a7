"""A profile held against its live API, table by table."""
