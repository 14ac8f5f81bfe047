"""The service as the journeys and the fault tests start it, in both wirings."""

from pathlib import Path

import httpx2
import pytest

from tests.processes import StartError
from tests.services import Service, embedded, environment_for


def test_a_service_answers_again_after_each_of_its_ends(service: Service) -> None:
    service.kill9()
    service.start()
    assert service.api.get("/events").status_code == 200

    service.terminate()
    service.start()
    assert service.api.get("/events").status_code == 200


async def test_a_service_is_reached_with_its_key_alone(service: Service, api: httpx2.AsyncClient) -> None:
    assert (await api.get("/events")).status_code == 200
    assert service.http.get("/api/v1/events").status_code == 401


def test_what_a_process_wrote_is_kept_over_its_restart(service: Service) -> None:
    before = service.logs()
    service.restart()
    after = service.logs()
    assert before.keys() == after.keys()
    assert all(
        after[name].startswith(before[name]) and len(after[name]) > len(before[name]) for name in after
    )


def test_a_program_sees_nothing_of_the_environment_of_the_tests(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETHERFLOW_PUBLIC_URL", "https://elsewhere.example")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    environment = environment_for(folder)
    assert "HTTPS_PROXY" not in environment
    assert "AETHERFLOW_PUBLIC_URL" not in environment


def test_a_service_that_does_not_start_shows_why(folder: Path) -> None:
    with (
        pytest.raises(StartError, match=r"(?s)up ended with status 3.*AETHERFLOW_PORT"),
        embedded(folder, port="70000"),
    ):
        pass
