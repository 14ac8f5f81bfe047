"""Signatures that others have published or made: what the documentation of a provider shows as genuine."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from app.providers import find_provider
from app.signatures import SigningKeys, pick_schemes, sign
from tests.checkout import ROOT
from tests.providers.genuine import NOW, TOLERANCE_SECONDS, request

SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)

VECTORS = json.loads((ROOT / "clients/vectors/signatures.json").read_text())

# A client of ours also parses the body and insists on the form of our own secrets and ids; other senders
# of Standard Webhooks have theirs.
CLIENTS_ONLY = {"malformed_body", "malformed_secret"}
OUR_IDS_ONLY = {"id of 65 characters"}


def judge(
    provider: str, headers: dict[str, str], body: bytes, *, secrets: list[str], now: datetime = NOW
) -> str | None:
    received = request(headers, body)
    return find_provider(provider).verify(
        received, secrets=secrets, tolerance_seconds=TOLERANCE_SECONDS, now=now
    )


def test_the_example_in_the_documentation_of_github() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers, secrets = {"X-Hub-Signature-256": signature}, ["It's a Secret to Everybody"]
    assert judge("github", headers, b"Hello, World!", secrets=secrets) is None
    assert judge("github", headers, b"Hello, World?", secrets=secrets)


def test_the_example_in_the_documentation_of_slack() -> None:
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secrets, now = ["8f742231b10e8888abcd99yyyzzz85a5"], datetime.fromtimestamp(1531420618, UTC)
    assert judge("slack", headers, SLACK_BODY, secrets=secrets, now=now) is None
    late = now + timedelta(seconds=TOLERANCE_SECONDS + 1)
    assert judge("slack", headers, SLACK_BODY, secrets=secrets, now=late) == "signed 301 s ago"


@pytest.mark.parametrize(
    "vector",
    [
        vector
        for vector in VECTORS
        if vector.get("reason") not in CLIENTS_ONLY and vector["name"] not in OUR_IDS_ONLY
    ],
    ids=lambda vector: vector["name"],
)
def test_our_own_deliveries_are_judged_as_our_clients_judge_them(vector: dict[str, Any]) -> None:
    secrets = [vector["secret"]] if isinstance(vector["secret"], str) else vector["secret"]
    now = datetime.fromtimestamp(vector["now"], UTC)
    headers, body = vector["headers"], base64.b64decode(vector["body_base64"])
    for provider in ("aetherflow", "standard"):
        if provider == "standard" and any("aetherflow-signature" in name.lower() for name in headers):
            continue
        reason = judge(provider, headers, body, secrets=secrets, now=now)
        assert (reason is None) == vector["valid"], reason


@given(raw=st.binary(min_size=24, max_size=64), body=st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_the_independent_packages_sign_is_genuine(raw: bytes, body: str) -> None:
    secret = "whsec_" + base64.b64encode(raw).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(NOW.timestamp()))}
    for package in (standardwebhooks, svix.webhooks):
        signature = package.Webhook(secret).sign("msg_1", NOW, body)
        signed = headers | {"webhook-signature": signature}
        assert judge("standard", signed, body.encode(), secrets=[secret]) is None


def test_the_headers_of_svix_are_those_of_standard_webhooks_under_another_name() -> None:
    secret = "whsec_" + base64.b64encode(b"s" * 24).decode()
    signature = svix.webhooks.Webhook(secret).sign("msg_1", NOW, "{}")
    moment = str(int(NOW.timestamp()))
    headers = {"svix-id": "msg_1", "svix-timestamp": moment, "svix-signature": signature}
    assert judge("standard", headers, b"{}", secrets=[secret]) is None
    assert judge("standard", headers, b"[]", secrets=[secret]) == "svix-signature does not fit"
    # One family or the other: the two are never mixed.
    mixed = {"svix-id": "msg_1", "webhook-timestamp": moment, "svix-signature": signature}
    assert judge("standard", mixed, b"{}", secrets=[secret])


@given(body=st.binary(max_size=100), schemes=st.sampled_from([["aetherflow"], ["v1"], ["aetherflow", "v1"]]))
def test_one_installation_receives_what_another_sends(body: bytes, schemes: list[str]) -> None:
    old, new = ("whsec_" + base64.b64encode(letter * 24).decode() for letter in (b"o", b"n"))
    keys = SigningKeys.of([new, old], primary=old, second=new)
    lines = sign(
        keys, pick_schemes(schemes), event_id="evt_1", timestamp=int(NOW.timestamp()), body=body
    ).decode()
    headers = dict(line.split(": ") for line in lines.splitlines())
    for secret in (old, new):
        assert judge("aetherflow", headers, body, secrets=[secret]) is None
        assert judge("aetherflow", headers, body + b" ", secrets=[secret])
