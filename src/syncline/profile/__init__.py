"""What a profile may say, and how it is read from YAML."""
