"""`aetherflow verify`."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from aetherflow.webhooks.testing import SignedRequest, signed_request

from tests.cli.conftest import CommandLine
from tests.services import Service, run
from tests.waiting import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def save(request: SignedRequest, folder: Path, *, body: bytes | None = None) -> list[str]:
    """Write a request into two files, and return the options that name them."""
    lines = [f"{name}: {value}\r\n" for name, value in request.headers.items()]
    (folder / "headers").write_text("POST /webhook HTTP/1.1\r\nHost: example.com\r\n" + "".join(lines))
    (folder / "body").write_bytes(request.body if body is None else body)
    return ["--headers", str(folder / "headers"), "--body", str(folder / "body")]


def verify(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Return exit status, explanation and what was written on standard error."""
    done = run("verify", *arguments, "--output", "json", environment={})
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_genuine_request_is_explained_step_by_step(tmp_path: Path) -> None:
    files = save(signed_request("invoice.paid", {"total": 1}, SECRET), tmp_path)
    done = run("verify", "--secret", SECRET, *files, environment={})
    assert done.returncode == 0
    assert done.stdout.endswith("Genuine.\n")
    for step in ("secret", "webhook-id", "webhook-timestamp", "webhook-signature", "body", "age", "v1"):
        assert f"  {step}: " in done.stdout
    assert SECRET not in done.stdout


def test_the_wrong_secret_is_named_as_the_likely_mistake(tmp_path: Path) -> None:
    files = save(signed_request("invoice.paid", {}, SECRET), tmp_path)
    status, explanation, _ = verify("--secret", OTHER, *files)
    assert status == 1
    assert explanation["reason"] == "no_matching_signature"
    assert "wrong secret" in explanation["cause"]["text"]
    assert explanation["cause"]["remedy"]


def test_a_body_that_was_written_again_is_named_as_the_likely_mistake(tmp_path: Path) -> None:
    request = signed_request("invoice.paid", {"name": "Größe"}, SECRET)
    files = save(request, tmp_path, body=json.dumps(json.loads(request.body), indent=2).encode())
    status, explanation, _ = verify("--secret", SECRET, *files)
    assert status == 1
    assert "parsed and written again" in explanation["cause"]["text"]


def test_an_old_request_is_refused_unless_more_is_tolerated(tmp_path: Path) -> None:
    request = signed_request("invoice.paid", {}, SECRET, timestamp=int(time.time()) - 3600)
    files = save(request, tmp_path)
    status, explanation, _ = verify("--secret", SECRET, *files)
    assert (status, explanation["reason"]) == (1, "timestamp_too_old")
    assert "too long ago" in explanation["cause"]["text"]
    assert verify("--secret", SECRET, *files, "--tolerance", "7200")[0] == 0


def test_one_of_several_secrets_is_enough_and_one_can_come_from_a_file(tmp_path: Path) -> None:
    files = save(signed_request("invoice.paid", {}, SECRET), tmp_path)
    (tmp_path / "secret").write_text(SECRET)
    assert verify("--secret", OTHER, "--secret", f"@{tmp_path / 'secret'}", *files)[0] == 0


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        (f"{SECRET} ", "white space or quotes"),
        (f'"{SECRET}"', "white space or quotes"),
        (SECRET.removeprefix("whsec_"), "lacks its beginning"),
        ("afk_" + "x" * 40, "an API key"),
        (SECRET[:20], "incomplete or damaged"),
    ],
    ids=["space", "quotes", "prefix", "api key", "cut"],
)
def test_a_damaged_secret_is_explained_without_being_repeated(
    secret: str, cause: str, tmp_path: Path
) -> None:
    files = save(signed_request("invoice.paid", {}, SECRET), tmp_path)
    status, explanation, said = verify("--secret", secret, *files)
    assert (status, explanation["reason"]) == (1, "malformed_secret")
    assert cause in explanation["cause"]["text"]
    assert secret not in json.dumps(explanation) + said


def test_headers_may_be_json(tmp_path: Path) -> None:
    request = signed_request("invoice.paid", {}, SECRET)
    files = save(request, tmp_path)
    (tmp_path / "headers").write_text(json.dumps({name: [value] for name, value in request.headers.items()}))
    assert verify("--secret", SECRET, *files)[0] == 0


def test_headers_may_be_what_curl_shows(tmp_path: Path) -> None:
    request = signed_request("invoice.paid", {}, SECRET)
    files = save(request, tmp_path)
    lines = ["> POST / HTTP/1.1", *(f"> {name}: {value}" for name, value in request.headers.items()), ">"]
    (tmp_path / "headers").write_text("\n".join(lines))
    assert verify("--secret", SECRET, *files)[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--secret", SECRET],
        ["--delivery", "dlv_1", "--headers", "h", "--body", "b"],
        ["--secret", SECRET, "--headers", "/no/such/file", "--body", "/no/such/file"],
    ],
    ids=str,
)
def test_half_of_what_is_needed_is_wrong_use(arguments: list[str]) -> None:
    done = run("verify", *arguments, environment={})
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.fixture
def delivered(server: Service, endpoint: dict[str, Any]) -> str:
    """A delivery that was sent."""
    event = server.api.post("/events", json={"event": "invoice.paid", "data": {}}).json()

    def find() -> Any:
        rows = server.api.get(f"/deliveries?event_id={event['id']}").json()["data"]
        return rows[0]["id"] if rows[0]["status"] == "succeeded" else None

    return str(until(find, what="the delivery has succeeded"))


def test_a_delivery_is_explained_with_the_secret_in_the_database(
    aetherflow: CommandLine, delivered: str, endpoint: dict[str, Any]
) -> None:
    done = aetherflow("verify", "--delivery", delivered)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("Genuine.\n")
    assert endpoint["secret"] not in done.stdout + done.stderr


def test_a_delivery_is_explained_with_a_secret_of_ones_own(
    aetherflow: CommandLine, delivered: str, endpoint: dict[str, Any]
) -> None:
    assert aetherflow("verify", "--delivery", delivered, "--secret", endpoint["secret"]).returncode == 0
    wrong = aetherflow("verify", "--delivery", delivered, "--secret", OTHER)
    assert wrong.returncode == 1
    assert "wrong secret" in wrong.stdout


def test_an_attempt_that_was_not_made_is_told(aetherflow: CommandLine, delivered: str) -> None:
    done = aetherflow("verify", "--delivery", delivered, "--attempt", "7")
    assert done.returncode == 1
    assert "the delivery has 1 attempts" in done.stderr
