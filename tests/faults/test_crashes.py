"""kill -9 of each process in turn, while events come in."""

import time

import pytest

from tests.faults.findings import Fault
from tests.faults.trial import Trial
from tests.faults.wirings import DISTRIBUTED, EMBEDDED
from tests.postgres_server import Postgres
from tests.redis_server import Redis, ask

pytestmark = pytest.mark.slow

# The time that a supervisor takes to notice a death and start the process again.
DOWN_SECONDS = 2


@DISTRIBUTED
def test_nothing_is_lost_when_one_of_two_workers_is_killed(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        at_ns = time.time_ns()
        trial.service.workers[0].kill9()
        load.flow()
    trial.judge(Fault("kill -9 of one of two workers", at_ns, unrecorded_until_ns=at_ns))


@DISTRIBUTED
@pytest.mark.parametrize("workers", [1])
def test_nothing_is_lost_when_the_only_worker_is_killed_and_comes_back(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        at_ns = time.time_ns()
        trial.service.workers[0].kill9()
        time.sleep(DOWN_SECONDS)
        trial.service.start()
        load.flow()
    trial.judge(Fault("kill -9 of the only worker", at_ns, unrecorded_until_ns=at_ns))


@DISTRIBUTED
def test_nothing_accepted_is_lost_or_doubled_when_the_api_is_killed(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("kill -9 of the API", time.time_ns())
        trial.service.server.kill9()
        time.sleep(DOWN_SECONDS)
        trial.service.start()
        load.flow()
    trial.judge(fault)


@EMBEDDED
def test_nothing_accepted_is_lost_when_the_only_process_is_killed_and_comes_back(trial: Trial) -> None:
    with trial.load() as load:
        load.flow()
        at_ns = time.time_ns()
        trial.service.kill9()
        time.sleep(DOWN_SECONDS)
        trial.service.start()
        load.flow()
    trial.judge(Fault("kill -9 of the process", at_ns, unrecorded_until_ns=at_ns))


@DISTRIBUTED
def test_nothing_is_lost_or_doubled_when_redis_is_killed_and_comes_back_empty(
    trial: Trial, own_redis: Redis
) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("kill -9 of Redis", time.time_ns())
        own_redis.kill9()
        time.sleep(DOWN_SECONDS)
        own_redis.start()
        load.flow()
    trial.judge(fault)


@DISTRIBUTED
def test_everything_goes_on_without_redis(trial: Trial, own_redis: Redis) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("kill -9 of Redis, for good", time.time_ns())
        own_redis.kill9()
        load.flow()
        load.flow()
    trial.judge(fault)


@DISTRIBUTED
def test_nothing_is_lost_or_doubled_when_redis_is_flushed(trial: Trial, own_redis: Redis) -> None:
    with trial.load() as load:
        load.flow()
        fault = Fault("FLUSHALL", time.time_ns())
        assert ask(own_redis.port, "FLUSHALL") == b"+OK\r\n"
        load.flow()
    trial.judge(fault)


@DISTRIBUTED
def test_nothing_accepted_is_lost_when_postgresql_is_killed_and_comes_back(
    trial: Trial, own_postgres: Postgres
) -> None:
    with trial.load() as load:
        load.flow()
        at_ns = time.time_ns()
        own_postgres.kill9()
        time.sleep(DOWN_SECONDS)
        own_postgres.start()
        back_ns = time.time_ns()
        load.flow()
    trial.judge(Fault("kill -9 of PostgreSQL", at_ns, unrecorded_until_ns=back_ns))
