"""What tests of several folders share."""

import os
from collections.abc import Iterator

import pytest

from acceptance.processes import Processes, warmed

# Servers of tests are on this machine; tests of what may not be asked give their own limits.
os.environ["SYNCLINE_ALLOW_PRIVATE_ADDRESSES"] = "true"


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with warmed(tmp_path_factory.mktemp("processes")) as started:
        yield started
