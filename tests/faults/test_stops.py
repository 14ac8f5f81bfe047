"""SIGTERM while events come in: what was begun is finished, and nothing is sent twice.

`Program.terminate` sees to the exit status 0.
"""

import time

import pytest

from tests.faults.findings import ACCEPTED, Fault
from tests.faults.publisher import Call
from tests.faults.trial import Trial
from tests.faults.wirings import DISTRIBUTED, EMBEDDED

pytestmark = pytest.mark.slow


@DISTRIBUTED
def test_workers_are_restarted_one_after_the_other_without_a_double(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("SIGTERM of each worker", time.time_ns())
        for worker in trial.service.workers:
            worker.terminate()
            load.flow()
            worker.start()
    trial.judge(fault)


@DISTRIBUTED
@pytest.mark.parametrize("workers", [1])
def test_the_only_worker_is_restarted_without_a_double(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("SIGTERM of the only worker", time.time_ns())
        trial.service.workers[0].terminate()
        trial.service.start()
        load.flow()
    trial.judge(fault)


@DISTRIBUTED
def test_the_api_is_restarted_without_a_loss_or_a_double(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("SIGTERM of the API", time.time_ns())
        trial.service.server.terminate()
        trial.service.start()
        load.flow()
    assert_answered_until(fault.at_ns, trial.judge(fault))


@EMBEDDED
def test_the_only_process_is_restarted_without_a_loss_or_a_double(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("SIGTERM of the process", time.time_ns())
        trial.service.terminate()
        trial.service.start()
        load.flow()
    assert_answered_until(fault.at_ns, trial.judge(fault))


def assert_answered_until(moment_ns: int, calls: list[Call]) -> None:
    """Whoever had sent a call before the stop has an answer."""
    assert not [call for call in calls if 0 < call.written_ns < moment_ns and call.status != ACCEPTED]
