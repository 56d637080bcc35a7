"""Schema files of CData's API Driver, read into profiles as far as they go."""
