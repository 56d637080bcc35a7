"""SQL Server keeps the destination contract when calls fail and processes die."""

import pytest

from syncline.testing.conformance import FailuresConformance, Opener


class TestSQLServer(FailuresConformance):
    @pytest.fixture
    def open_destination(self, open_sqlserver_schema: Opener) -> Opener:
        return open_sqlserver_schema
