"""What all answers have in common, whatever they answer."""

import re
from pathlib import Path

import httpx2
import pytest

from app.api.rate_limits import RateLimits
from app.errors import RateLimited
from app.settings import Settings
from tests.api.problems import assert_refused
from tests.services import Service, embedded

GOOD_IDS = ["a", "A-b_9", "x" * 64]
BAD_IDS = ["", "x" * 65, "a b", "a.b", "a,b", "<script>", "a\tb"]

ANSWERED = [
    ("GET", "/api/v1/events", 200),
    ("POST", "/api/v1/events", 400),
    ("GET", "/api/v1/events/none", 404),
    ("GET", "/api/v1/nothing", 404),
    ("PUT", "/api/v1/events", 405),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/nothing", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERED)
@pytest.mark.parametrize("given", GOOD_IDS)
def test_an_answer_carries_the_request_id_of_its_caller(
    service: Service, method: str, path: str, status: int, given: str
) -> None:
    headers = {"Authorization": f"Bearer {service.api_key}", "Request-Id": given}
    answer = service.http.request(method, path, headers=headers)
    assert (answer.status_code, answer.headers.get_list("request-id")) == (status, [given])


@pytest.mark.parametrize("given", BAD_IDS)
def test_a_request_id_that_could_do_harm_is_replaced(workspace: httpx2.Client, given: str) -> None:
    ids = [workspace.get("/events", headers={"Request-Id": given}).headers["request-id"] for _ in range(2)]
    assert all(re.fullmatch("[a-z0-9]{32}", made) for made in ids)
    assert ids[0] != ids[1]


def test_a_problem_names_the_request_that_had_it(workspace: httpx2.Client) -> None:
    answer = workspace.get("/events/none", headers={"Request-Id": "mine"})
    assert assert_refused(answer, 404, "not_found")["request_id"] == "mine"


@pytest.mark.parametrize(("method", "path", "status"), [one for one in ANSWERED if one[0] == "GET"])
def test_head_is_get_without_the_body(service: Service, method: str, path: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {service.api_key}", "Request-Id": "same"}
    got = service.http.get(path, headers=headers)
    head = service.http.head(path, headers=headers)
    assert (got.status_code, head.status_code, head.content) == (status, status, b"")
    volatile = {"date", "ratelimit"} | ({"content-length"} if path == "/metrics" else set())
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in got.headers.items() if k not in volatile
    }


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/events", "GET, HEAD, POST"),
        ("/api/v1/events/batch", "GET, HEAD, POST"),
        ("/api/v1/events/evt_1", "GET, HEAD"),
        ("/api/v1/events/evt_1/replay", "POST"),
        ("/api/v1/endpoints", "GET, HEAD, POST"),
        ("/api/v1/endpoints/ep_1", "GET, HEAD, PATCH, DELETE"),
        ("/api/v1/endpoints/ep_1/enable", "POST"),
        ("/api/v1/endpoints/ep_1/test", "POST"),
        ("/api/v1/deliveries", "GET, HEAD"),
        ("/api/v1/deliveries/dlv_1/retry", "POST"),
        ("/api/v1/api-keys", "GET, HEAD, POST"),
        ("/api/v1/api-keys/key_1", "DELETE"),
        ("/api/v1/workspaces", "POST"),
        ("/healthz", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_which_ones_it_does(
    service: Service, path: str, allowed: str
) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "REPORT"} - set(
        allowed.split(", ")
    ):
        answer = service.http.request(method, path)
        assert (answer.status_code, answer.headers.get("allow")) == (405, allowed), method
        if method != "HEAD":
            assert_refused(answer, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1",
        "/api/v1/",
        "/api/v1/events/",
        "/api/v1/endpoints/",
        "/api/v1//events",
        "/api/v1/events/a/b",
        "/api/v1/events/a%2Fb",
        "/API/v1/events",
        "/api/v1/Events",
        "/api/v2/events",
        "/api/v1/workflows/",
        "/api/v1/integrations/",
        "/api/v1/event-types",
        "/api/v1/stats",
        "/healthz/",
        "/docs",
        "/redoc",
    ],
)
def test_there_is_nothing_at_other_paths_nor_a_redirect(service: Service, path: str) -> None:
    headers = {"Authorization": f"Bearer {service.api_key}"}
    assert_refused(service.http.get(path, headers=headers), 404, "not_found")


@pytest.mark.parametrize(
    "event_id", ["%00", "a%00b", "%ff", "%C0%80", "%ED%A0%80", "x" * 5_000, "%F0%9F%A6%89"]
)
def test_an_id_that_cannot_be_one_is_not_there(workspace: httpx2.Client, event_id: str) -> None:
    for path in ("/events", "/endpoints", "/deliveries"):
        assert_refused(workspace.get(f"{path}/{event_id}"), 404, "not_found")
    assert_refused(workspace.delete(f"/api-keys/{event_id}"), 404, "not_found")


def test_an_answer_without_content_says_nothing_about_its_content(workspace: httpx2.Client) -> None:
    endpoint = workspace.post("/endpoints", json={"url": "http://127.0.0.1:9/"}).json()["id"]
    answer = workspace.delete(f"/endpoints/{endpoint}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not {"content-type", "content-length", "transfer-encoding"} & set(answer.headers)


def test_the_api_lets_no_other_origin_s_scripts_in(service: Service) -> None:
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    answers = [
        service.http.options("/api/v1/events", headers=preflight),
        service.api.get("/events", headers={"Origin": "https://evil.example"}),
    ]
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


def test_answers_to_a_key_say_what_is_left_of_its_rate(workspace: httpx2.Client) -> None:
    for answer in (workspace.get("/events"), workspace.get("/events/none"), workspace.get("/events?x=1")):
        assert answer.headers["ratelimit-policy"] == '"api";q=1000;w=1'
        assert re.fullmatch(r'"api";r=\d+;t=1', answer.headers["ratelimit"])
    for answer in (workspace.post("/events", json={"event": "a.b", "data": {}}), workspace.post("/events")):
        assert answer.headers["ratelimit-policy"] == '"publish";q=10000;w=1'
        assert re.fullmatch(r'"publish";r=\d+;t=1', answer.headers["ratelimit"])


def test_a_key_has_what_it_left_and_a_second_s_worth_at_most() -> None:
    now = 100.0
    limits = RateLimits(Settings(api_rate_limit=4, publish_rate_limit=1), monotonic=lambda: now)

    def count(key: str = "key_1", *, publishing: bool = False) -> bytes:
        return dict(limits.count(key, publishing=publishing))[b"ratelimit"]

    assert [count() for _ in range(4)] == [b'"api";r=%d;t=1' % left for left in (3, 2, 1, 0)]
    with pytest.raises(RateLimited) as refused:
        count()
    assert refused.value.headers == {
        "Retry-After": "1",
        "RateLimit-Policy": '"api";q=4;w=1',
        "RateLimit": '"api";r=0;t=1',
    }
    assert count("key_2") == b'"api";r=3;t=1'
    assert count(publishing=True) == b'"publish";r=0;t=1'

    now += 0.25
    assert count() == b'"api";r=0;t=1'
    now += 3600
    assert count() == b'"api";r=3;t=1'


def test_a_caller_beyond_its_rate_is_told_when_to_come_back(folder: Path) -> None:
    with embedded(folder, api_rate_limit="1") as service:
        answers = [service.api.get("/events") for _ in range(3)]
        problem = assert_refused(answers[-1], 429, "rate_limited")
        assert "1 such requests a second" in problem["detail"]
        assert answers[-1].headers["retry-after"] == "1"
        assert answers[-1].headers["ratelimit"] == '"api";r=0;t=1'
        # Publishing has a limit of its own.
        assert service.api.post("/events", json={"event": "a.b", "data": {}}).status_code == 202


def test_the_health_of_a_process_is_told_without_a_key(service: Service) -> None:
    alive, ready, metrics = (service.http.get(path) for path in ("/healthz", "/readyz", "/metrics"))
    assert (alive.status_code, alive.text) == (200, "ok")
    assert ready.status_code == 200
    told = ready.json()
    assert set(told) == {"status", "checks"}
    assert set(told["checks"]) == {"database", "migrations", "redis", "workers"}
    assert told["checks"]["database"] == told["checks"]["migrations"] == "ok"
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "aetherflow_events_published_total" in metrics.text
