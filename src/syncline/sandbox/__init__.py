"""Stand-in Clio and ClickTime servers for demonstrations and tests."""
