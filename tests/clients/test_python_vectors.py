"""The vectors that every client shares, through the Python client's API and its executable.

Whether a valid vector deserves to be valid is decided by other people's code: the PyPI packages
standardwebhooks and svix, `cryptography`, and the six lines that a receiver writes by hand.
"""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from aetherflow.webhooks import Webhook, WebhookVerificationError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CLIENTS = Path(__file__).parents[2] / "clients"
VECTORS: list[dict[str, Any]] = json.loads((CLIENTS / "vectors" / "signatures.json").read_text("utf-8"))
VALID = [vector for vector in VECTORS if vector["valid"]]

# What Standard Webhooks and AetherFlow publish, typed here a second time.
PUBLISHED = {
    "published v1 signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "published body signature": "80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c",
    "published v1a signature": (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    ),
}


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def body_of(vector: dict[str, Any]) -> bytes:
    return base64.b64decode(vector["body_base64"])


def verdict(vector: dict[str, Any], body: bytes) -> str:
    try:
        webhook = Webhook(vector["secret"])
    except ValueError:
        return "refused: malformed_secret"
    try:
        webhook.verify(body, vector["headers"], allow_body_signature=True, now=vector["now"])
    except WebhookVerificationError as refusal:
        return f"refused: {refusal.reason}"
    return "ok"


def expected(vector: dict[str, Any]) -> str:
    return "ok" if vector["valid"] else f"refused: {vector['reason']}"


def is_signed_according_to_others(vector: dict[str, Any]) -> bool:
    secrets = vector["secret"] if isinstance(vector["secret"], list) else [vector["secret"]]
    headers = {name.lower(): value.strip(" \t") for name, value in vector["headers"].items()}
    return any(is_signed_with(secret, headers, body_of(vector)) for secret in secrets)


def is_signed_with(secret: str, headers: dict[str, str], body: bytes) -> bool:
    offered = headers.get("webhook-signature", "").split(" ")
    if secret.startswith("whpk_"):
        return any(is_ed25519(secret, headers, body, each[4:]) for each in offered if each.startswith("v1a,"))
    handwritten = hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()
    if handwritten in (headers.get("x-aetherflow-signature"), headers.get("x-aetherflow-signature-2")):
        return True
    if "webhook-id" not in headers or "webhook-timestamp" not in headers:
        return False
    signed_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    made = {
        package.Webhook(secret).sign(headers["webhook-id"], signed_at, body.decode())
        for package in (standardwebhooks, svix.webhooks)
    }
    assert len(made) == 1
    return made <= set(offered)


def is_ed25519(public_key: str, headers: dict[str, str], body: bytes, signature: str) -> bool:
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    try:
        key.verify(base64.b64decode(signature), message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_a_vector_gets_its_verdict(vector: dict[str, Any]) -> None:
    assert verdict(vector, body_of(vector)) == expected(vector)


def test_the_executable_gives_the_same_verdicts_a_line_each() -> None:
    lines = "".join(json.dumps(vector) + "\n" for vector in VECTORS)
    finished = subprocess.run(
        [CLIENTS / "python" / "conformance"], input=lines, capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines() == [expected(vector) for vector in VECTORS]
    assert finished.stderr == ""


@pytest.mark.parametrize("vector", VALID, ids=name_of)
def test_other_implementations_agree_that_a_valid_vector_is_signed(vector: dict[str, Any]) -> None:
    assert is_signed_according_to_others(vector)


@pytest.mark.parametrize("vector", VALID, ids=name_of)
def test_no_valid_vector_survives_a_changed_byte_of_its_body(vector: dict[str, Any]) -> None:
    body = body_of(vector)
    for position in range(len(body)):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        assert verdict(vector, changed) == "refused: no_matching_signature"


def test_the_published_signatures_are_among_the_vectors() -> None:
    found = {vector["name"]: vector for vector in VALID if vector["name"] in PUBLISHED}
    for name, signature in PUBLISHED.items():
        assert signature in found[name]["headers"].values()


def test_the_vectors_are_well_formed_and_their_names_unique() -> None:
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
    for vector in VECTORS:
        wanted = {"name", "secret", "headers", "body_base64", "now", "valid"}
        assert set(vector) == (wanted if vector["valid"] else wanted | {"reason"})


def ask(*lines: str) -> list[str]:
    finished = subprocess.run(
        [sys.executable, CLIENTS / "python" / "conformance"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.splitlines()


def test_the_executable_answers_lines_that_make_no_sense_and_goes_on() -> None:
    good = json.dumps(VALID[0])
    nonsense = ["", "no json", "[]", "null", "{}", '{"secret": 1, "headers": {}, "body_base64": "e30="}']
    not_base64 = json.dumps({**VALID[0], "body_base64": "***"})
    huge_time = json.dumps({**VALID[0], "now": 10**400})
    answers = ask(*nonsense, not_base64, huge_time, good)
    assert answers == [
        *["refused: malformed_line"] * 5,
        "refused: malformed_secret",
        *["refused: malformed_line"] * 2,
        "ok",
    ]


def test_the_executable_takes_a_tolerance_and_headers_as_pairs() -> None:
    vector = VALID[0]
    late = {**vector, "now": vector["now"] + 10}
    pairs = {**vector, "headers": list(vector["headers"].items())}
    doubled = {**vector, "headers": list(vector["headers"].items()) * 2}
    answers = ask(
        json.dumps({**late, "tolerance": 10}),
        json.dumps({**late, "tolerance": 9}),
        json.dumps(pairs),
        json.dumps(doubled),
    )
    assert answers == ["ok", "refused: timestamp_too_old", "ok", "refused: malformed_header"]


def test_the_executable_uses_the_clock_when_a_line_names_no_time() -> None:
    timeless = {name: value for name, value in VALID[0].items() if name != "now"}
    assert ask(json.dumps(timeless)) == ["refused: timestamp_too_old"]


def test_the_executable_answers_each_line_before_it_reads_the_next() -> None:
    line = json.dumps(VALID[0]) + "\n"
    with subprocess.Popen(
        [sys.executable, CLIENTS / "python" / "conformance"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == "ok\n"
        process.stdin.close()
