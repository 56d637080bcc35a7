"""Stand-ins for services that cannot run where the tests run."""
