"""What tests of several folders share."""

from collections.abc import Iterator

import pytest

from acceptance.processes import Processes, warmed


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with warmed(tmp_path_factory.mktemp("processes")) as started:
        yield started
