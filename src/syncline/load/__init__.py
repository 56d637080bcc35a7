"""How rows become tables: staging, dispositions, evolution, checkpoints."""
