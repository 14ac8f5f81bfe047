"""What a server says of itself, and how it answers, while what it needs is away."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.problems import assert_refused
from tests.postgres_server import Postgres
from tests.redis_server import Redis
from tests.services import Service, distributed, embedded
from tests.waiting import until


def readiness(service: Service) -> tuple[int, dict[str, Any]]:
    answer = service.http.get("/readyz")
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert set(told) == {"status", "checks"}
    assert set(told["checks"]) == {"database", "migrations", "redis", "workers"}
    return answer.status_code, told["checks"]


def test_an_embedded_service_needs_nobody(folder: Path) -> None:
    with embedded(folder) as service:
        status, checks = readiness(service)
        assert (status, checks["database"], checks["migrations"]) == (200, "ok", "ok")
        assert service.http.get("/healthz").status_code == 200


@pytest.mark.timeout(120)
def test_only_the_database_decides_whether_a_server_is_ready(
    folder: Path, own_postgres: Postgres, own_redis: Redis
) -> None:
    with distributed(folder, database_url=own_postgres.url(), redis_url=own_redis.url()) as service:
        assert readiness(service)[0] == 200

        own_redis.kill9()
        until(lambda: readiness(service)[1]["redis"] == "away", what="Redis is missed")
        assert readiness(service)[0] == 200
        assert publish(service).status_code == 202

        own_postgres.kill9()
        until(lambda: readiness(service)[0] == 503, what="the database is missed")
        status, checks = readiness(service)
        assert (status, checks["database"]) == (503, "away")
        assert service.http.get("/healthz").status_code == 200
        for answer in (publish(service), service.api.get("/events"), service.api.get("/endpoints/none")):
            assert_refused(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0

        own_postgres.start()
        until(lambda: readiness(service)[0] == 200, what="the database is back")
        until(lambda: publish(service).status_code == 202, what="events are accepted again")


def publish(service: Service) -> httpx2.Response:
    return service.api.post("/events", json={"event": "a.b", "data": {}})
