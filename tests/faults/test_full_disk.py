"""The disk of the embedded wiring is full for a while.

A limit on the size of files, set from outside on the running process, has the same effect as a full disk, and
needs neither a disk of its own nor root: what a process ignores of it, as Python does, becomes a failed write.
"""

import contextlib
import resource
import time
from collections.abc import Iterator

import pytest

from tests.faults.findings import ACCEPTED, UNAVAILABLE, Fault
from tests.faults.trial import Trial
from tests.faults.wirings import EMBEDDED

pytestmark = pytest.mark.slow

FULL_SECONDS = 2
# Less than SQLite's log of a second's load has; more than the process itself logs.
MOST_BYTES = 256 * 1024


@EMBEDDED
def test_a_full_disk_refuses_events_and_forgets_none(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault(f"disk full for {FULL_SECONDS} s", time.time_ns())
        with full_disk(trial.service.server.pid):
            time.sleep(FULL_SECONDS)
        load.flow()
    calls = trial.judge(fault)
    assert {call.status for call in calls} == {ACCEPTED, UNAVAILABLE}


@contextlib.contextmanager
def full_disk(pid: int) -> Iterator[None]:
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (MOST_BYTES, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
