"""The nouns of the engine: frozen records and the protocols it is wired to."""
