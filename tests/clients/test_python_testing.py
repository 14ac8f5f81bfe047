"""`aetherflow.webhooks.testing` makes what the service sends, by the judgement of others."""

import base64
import json
import time
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix.webhooks
import time_machine
from aetherflow.webhooks import Webhook, WebhookVerificationError, verify_signature
from aetherflow.webhooks.testing import public_key, sign, signed_request
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
NOW = 1767225600

secrets = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
documents = st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), max_size=4)


@given(secret=secrets, event_id=ids, document=documents)
@settings(max_examples=40, deadline=None)
def test_standardwebhooks_and_svix_accept_what_is_signed_here(
    secret: str, event_id: str, document: dict[str, object]
) -> None:
    body = json.dumps(document).encode()
    headers = sign(body, secret, id=event_id, timestamp=NOW)
    with time_machine.travel(NOW, tick=False):
        assert standardwebhooks.Webhook(secret).verify(body, headers) == document
        svix.webhooks.Webhook(secret).verify(body, headers)


@given(secret=secrets, event_id=ids, document=documents)
@settings(max_examples=40, deadline=None)
def test_what_standardwebhooks_and_svix_sign_is_accepted_here(
    secret: str, event_id: str, document: dict[str, object]
) -> None:
    body, signed_at = json.dumps(document), datetime.fromtimestamp(NOW, UTC)
    for package in (standardwebhooks, svix.webhooks):
        signature = package.Webhook(secret).sign(event_id, signed_at, body)
        headers = {"webhook-id": event_id, "webhook-timestamp": str(NOW), "webhook-signature": signature}
        assert Webhook(secret).verify(body.encode(), headers, now=NOW) == document


@given(seed=st.binary(min_size=32, max_size=32), body=st.binary(max_size=100))
@settings(max_examples=30, deadline=None)
def test_ed25519_signatures_are_those_of_openssl(seed: bytes, body: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    key = "whsk_" + base64.b64encode(seed + public).decode()
    signature = base64.b64encode(private.sign(b"evt_1.5." + body)).decode()
    assert sign(body, key, id="evt_1", timestamp=5)["webhook-signature"] == f"v1a,{signature}"
    assert public_key(key) == "whpk_" + base64.b64encode(public).decode()


def test_a_signed_request_is_a_complete_delivery() -> None:
    request = signed_request("invoice.paid", {"invoice": {"name": "Zoë"}}, SECRET, id="evt_1", timestamp=NOW)
    assert (
        request.body
        == (
            '{"event":"invoice.paid","id":"evt_1","timestamp":"2026-01-01T00:00:00.000Z",'
            '"data":{"invoice":{"name":"Zoë"}}}'
        ).encode()
    )
    assert Webhook(SECRET).verify(request.body, request.headers, now=NOW) == json.loads(request.body)
    assert verify_signature(request.body, request.headers["X-AetherFlow-Signature"], SECRET)
    told = {name: request.headers[name] for name in ("Content-Type", "X-AetherFlow-Event", "webhook-id")}
    assert told == {
        "Content-Type": "application/json",
        "X-AetherFlow-Event": "invoice.paid",
        "webhook-id": "evt_1",
    }


def test_a_signed_request_is_fresh_and_new_unless_told_otherwise() -> None:
    one, two = (signed_request("invoice.paid", {}, SECRET) for _ in range(2))
    assert (
        Webhook(SECRET).verify(one.body, one.headers)["id"]
        != Webhook(SECRET).verify(two.body, two.headers)["id"]
    )
    old = signed_request("invoice.paid", {}, SECRET, timestamp=int(time.time()) - 3600)
    with pytest.raises(WebhookVerificationError, match="timestamp_too_old"):
        Webhook(SECRET).verify(old.body, old.headers)


def test_two_secrets_sign_as_during_a_rotation() -> None:
    headers = sign(b"{}", [SECRET, OTHER_SECRET], id="evt_1", timestamp=NOW)
    assert verify_signature(b"{}", headers["X-AetherFlow-Signature"], SECRET)
    assert verify_signature(b"{}", headers["X-AetherFlow-Signature-2"], OTHER_SECRET)
    for secret in (SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(b"{}", headers, now=NOW) == {}


def test_a_private_key_signs_beside_a_secret() -> None:
    headers = sign(b"{}", [SECRET, PRIVATE_KEY], id="evt_1", timestamp=NOW)
    assert "X-AetherFlow-Signature-2" not in headers
    for secret in (SECRET, PUBLIC_KEY):
        assert Webhook(secret).verify(b"{}", headers, now=NOW) == {}


def test_a_private_key_alone_makes_no_body_signature() -> None:
    assert set(sign(b"{}", PRIVATE_KEY, id="evt_1")) == {
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }


@pytest.mark.parametrize("secret", ["", "secret", PUBLIC_KEY, "whsk_AAAA", "whsk_***", "whsec_AAAA"])
def test_what_cannot_sign_is_a_value_error(secret: str) -> None:
    with pytest.raises(ValueError, match="malformed secret"):
        sign(b"{}", secret, id="evt_1")


def test_a_public_key_is_told_for_private_keys_only() -> None:
    assert public_key(PRIVATE_KEY) == PUBLIC_KEY
    with pytest.raises(ValueError, match="malformed secret"):
        public_key(SECRET)
