"""One embedded service for the journeys of all examples."""

from collections.abc import Iterator

import pytest

from tests.processes import temporary_folder
from tests.services import Service, embedded


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    with temporary_folder() as folder, embedded(folder) as running:
        yield running
