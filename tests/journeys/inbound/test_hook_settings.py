"""What an operator sets for triggers: an origin of their own, a limit of requests, a time-out."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from tests.journeys.inbound.deployments import Deployed, deploy
from tests.processes import temporary_folder
from tests.services import embedded
from tests.waiting import until

HOST = "hooks.example:8443"

LIMIT = 20

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: dressed, type: webhook, is_sync: true, call: "program.py:dress"}
  - {name: slow, type: webhook, is_sync: true, call: "program.py:sleep"}
  - {name: patient, type: webhook, is_sync: true, timeout: 20, call: "program.py:sleep"}
  - {name: busy, type: webhook, call: "program.py:dress"}
  - {name: idle, type: webhook}
  - {name: address, type: webhook, is_sync: true, call: "program.py:tell_address"}
"""

PROGRAM = """
import os
import time
import aetherflow

def dress(event):
    aetherflow.http_outcome(
        headers={
            "Set-Cookie": ["a=1", "b=2"],
            "Clear-Site-Data": '"cache"',
            "Strict-Transport-Security": "max-age=1",
            "Service-Worker-Allowed": "/",
            "Alt-Svc": "clear",
            "Content-Security-Policy": "default-src 'self'",
            "Content-Length": "3",
        },
        body="dressed",
    )

def sleep(event):
    time.sleep(1.3)
    return "slept"

def tell_address(event):
    return [os.environ["idle__webhook_url"], aetherflow.get_webhook_url("idle")]
"""

ORIGIN_WIDE = (
    "set-cookie",
    "clear-site-data",
    "strict-transport-security",
    "service-worker-allowed",
    "alt-svc",
)


@pytest.fixture(scope="module")
def tuned() -> Iterator[Deployed]:
    """Return a program on a service of its own, in the wiring that starts faster: both read the same settings."""
    with (
        temporary_folder() as folder,
        embedded(
            folder,
            hooks_url=f"https://{HOST}",
            hook_rate_limit=str(LIMIT),
            webhook_timeout_seconds="1",
            hook_max_bytes="2000",
        ) as service,
    ):
        yield deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


def test_on_an_origin_of_its_own_a_handler_may_speak_for_the_whole_of_it(tuned: Deployed) -> None:
    own = tuned.call("dressed", headers={"Host": HOST.upper()})
    assert (own.status_code, own.text, own.headers["content-length"]) == (200, "dressed", "7")
    assert own.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert all(name in own.headers for name in ORIGIN_WIDE)
    assert own.headers.get_list("content-security-policy") == ["default-src 'self'"]
    for host in ("127.0.0.1", "hooks.example", f"x.{HOST}", ""):
        shared = tuned.call("dressed", headers={"Host": host})
        assert (shared.status_code, shared.text) == (200, "dressed")
        assert not any(name in shared.headers for name in ORIGIN_WIDE)
        assert "sandbox" in shared.headers.get_list("content-security-policy")


def test_urls_of_triggers_are_on_their_origin(tuned: Deployed) -> None:
    url = f"https://{HOST}{tuned.path('idle')}"
    assert tuned.triggers["idle"]["url"] == url
    assert tuned.call("address").json() == [url, url]


def test_a_trigger_takes_so_many_requests_a_second_and_no_more(tuned: Deployed) -> None:
    def refused() -> httpx2.Response | None:
        answer = tuned.call("busy")
        return answer if answer.status_code != 202 else None

    answer = until(refused, what="there have been too many requests")
    assert answer is not None
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
    assert "aetherflow-request-id" not in answer.headers
    assert tuned.call("idle").status_code == 202
    until(lambda: tuned.call("busy").status_code == 202, what="requests are taken again")


def test_a_timeout_of_the_trigger_beats_that_of_the_service(tuned: Deployed) -> None:
    assert (tuned.call("slow").status_code, tuned.call("patient").text) == (504, json.dumps("slept"))


def test_the_largest_body_is_that_of_the_service(tuned: Deployed) -> None:
    assert tuned.call("idle", content=b"x" * 2_000).status_code == 202
    assert tuned.call("idle", content=b"x" * 2_001).status_code == 413
