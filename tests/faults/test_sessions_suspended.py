"""A process whose own leases lapse while it holds them: a machine that slept, or one too busy to renew them."""

import contextlib
import sqlite3
import time

import pytest

from tests.api.deployments import Sample
from tests.faults.records import SQLITE, read
from tests.faults.wirings import EMBEDDED
from tests.services import Service
from tests.waiting import until

pytestmark = [pytest.mark.slow, EMBEDDED]

LEASE_SECONDS = 2
# More than work at once, so that a place that is lost with each of them is missed.
DOZING = 10

PROGRAM = """
from aetherflow import sleep

def doze(event):
    sleep(600)

def nothing(event):
    pass
"""
MANIFEST = """
version: v2
project: {name: dozing}
triggers:
  - {name: doze, webhook: {}, call: "program.py:doze"}
  - {name: nothing, webhook: {}, call: "program.py:nothing"}
"""


@pytest.fixture
def settings() -> dict[str, str]:
    return {"lease_seconds": str(LEASE_SECONDS), "runner_processes": "2"}


@pytest.fixture
def sample(service: Service, round_number: int) -> Sample:
    return Sample(service, service.api, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


def test_a_process_that_was_suspended_goes_on_with_its_sessions(sample: Sample) -> None:
    doze(sample)
    sample.service.server.pause()
    time.sleep(2 * LEASE_SECONDS)
    sample.service.server.resume()
    assert sample.begin("nothing")["status"] == "completed"
    assert attempts(sample) == [1] * DOZING


def test_a_process_that_finds_its_own_sessions_due_begins_them_again_and_has_room_for_others(
    sample: Sample,
) -> None:
    doze(sample)

    def lapse() -> bool:
        with contextlib.closing(sqlite3.connect(path_of(sample))) as connection, connection:
            connection.execute(
                "UPDATE sessions SET leased_until = 0 WHERE status = 'waiting' AND attempt = 1"
            )
        return min(attempts(sample)) > 1

    until(lapse, what="all have been begun again", timeout_seconds=30)
    assert sample.begin("nothing")["status"] == "completed"


def doze(sample: Sample) -> None:
    for _ in range(DOZING):
        sample.begin("doze", until_status=("waiting",))


def attempts(sample: Sample) -> list[int]:
    [rows] = read(database_url_of(sample), ["SELECT attempt FROM sessions WHERE call = 'program.py:doze'"])
    return [row[0] for row in rows]


def path_of(sample: Sample) -> str:
    return database_url_of(sample).removeprefix(SQLITE)


def database_url_of(sample: Sample) -> str:
    return sample.service.environment["AETHERFLOW_DATABASE_URL"]
