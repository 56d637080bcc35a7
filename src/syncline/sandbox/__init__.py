"""Stand-ins of Clio Manage, ClickTime and other APIs: OAuth, seeded data, scripted faults."""
