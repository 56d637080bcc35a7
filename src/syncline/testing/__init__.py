"""Fakes and conformance suites, for our tests and for the tests of users."""
