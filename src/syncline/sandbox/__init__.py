"""Stand-in Clio Manage and ClickTime servers, with OAuth, seeded data and scripted faults."""
