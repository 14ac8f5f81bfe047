"""The composed headers, against published vectors and against other people's verifiers."""

import base64
import hashlib
import hmac
import json

import pytest
import standardwebhooks
import svix.webhooks
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.signatures import SigningKeys, pick_schemes, sign
from app.signatures.secrets import make_ed25519, make_secret, parse_ed25519, public_key

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHSK = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
EVENT_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
HEX = "80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c"
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

ALL = pick_schemes(["aetherflow", "v1", "v1a"])
DEFAULT = pick_schemes(["aetherflow", "v1"])
KEYS = SigningKeys.of([SECRET], primary=SECRET, ed25519=[WHSK])

event_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
timestamps = st.integers(0, 4_000_000_000)
json_bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
).map(lambda value: json.dumps({"data": value}, ensure_ascii=False).encode())


def headers_of(block: bytes) -> dict[str, str]:
    """Read a header block strictly, as a receiver would; a header that comes twice is a mistake."""
    assert block.endswith(b"\r\n")
    lines = block.decode("ascii").removesuffix("\r\n").split("\r\n")
    pairs = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    headers = dict(pairs)
    assert len(headers) == len(pairs)
    return headers


def verify_as_receivers_do(payload: bytes, signature: str, secret: str) -> bool:
    """What the product's documentation tells receivers to write: HMAC of the body, compared as hex."""
    expected = hmac.new(secret.encode("utf-8"), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, expected)


def test_the_published_vectors_come_out_exactly() -> None:
    block = sign(KEYS, ALL, event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY)
    assert block.decode() == (
        f"X-AetherFlow-Signature: {HEX}\r\n"
        f"webhook-id: {EVENT_ID}\r\n"
        f"webhook-timestamp: {TIMESTAMP}\r\n"
        f"webhook-signature: {V1} {V1A}\r\n"
    )


@pytest.mark.parametrize(
    ("schemes", "signatures"),
    [
        (["aetherflow"], {"X-AetherFlow-Signature": HEX}),
        (["v1"], {"webhook-signature": V1}),
        (["v1a"], {"webhook-signature": V1A}),
        (["v1", "v1a"], {"webhook-signature": f"{V1} {V1A}"}),
        (["aetherflow", "v1a"], {"X-AetherFlow-Signature": HEX, "webhook-signature": V1A}),
    ],
)
def test_only_the_schemes_asked_for_sign_and_id_and_time_are_always_sent(
    schemes: list[str], signatures: dict[str, str]
) -> None:
    block = sign(KEYS, pick_schemes(schemes), event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY)
    always = {"webhook-id": EVENT_ID, "webhook-timestamp": str(TIMESTAMP)}
    assert headers_of(block) == always | signatures


def test_an_event_id_gives_the_same_headers_as_text_and_as_bytes() -> None:
    as_text = sign(KEYS, ALL, event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY)
    as_bytes = sign(KEYS, ALL, event_id=EVENT_ID.encode(), timestamp=TIMESTAMP, body=BODY)
    assert as_text == as_bytes


def test_during_an_overlap_the_old_key_keeps_the_single_header_and_the_new_one_gets_a_second() -> None:
    new = make_secret(b"n" * 24)
    keys = SigningKeys.of([new, SECRET], primary=SECRET, second=new)
    headers = headers_of(sign(keys, DEFAULT, event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY))
    assert headers["X-AetherFlow-Signature"] == HEX
    assert verify_as_receivers_do(BODY, headers["X-AetherFlow-Signature-2"], new)
    assert headers["webhook-signature"].split(" ")[1] == V1


def test_promoting_swaps_the_two_headers_and_leaves_the_standard_one_newest_first() -> None:
    new = make_secret(b"n" * 24)
    before = SigningKeys.of([new, SECRET], primary=SECRET, second=new)
    after = SigningKeys.of([new, SECRET], primary=new, second=SECRET)
    old_headers, new_headers = (
        headers_of(sign(keys, DEFAULT, event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY))
        for keys in (before, after)
    )
    assert new_headers["X-AetherFlow-Signature"] == old_headers["X-AetherFlow-Signature-2"]
    assert new_headers["X-AetherFlow-Signature-2"] == old_headers["X-AetherFlow-Signature"]
    assert new_headers["webhook-signature"] == old_headers["webhook-signature"]


def test_there_is_no_second_header_outside_an_overlap_or_without_the_scheme() -> None:
    new = make_secret(b"n" * 24)
    rotating = SigningKeys.of([new, SECRET], primary=new, second=SECRET)
    settled = SigningKeys.of([new, SECRET], primary=new)
    for keys, schemes in ((settled, DEFAULT), (rotating, pick_schemes(["v1"]))):
        block = sign(keys, schemes, event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY)
        assert b"Signature-2" not in block


@given(raw=st.binary(min_size=24, max_size=64), event_id=event_ids, moment=timestamps, body=json_bodies)
def test_the_independent_packages_accept_what_we_sign(
    raw: bytes, event_id: str, moment: int, body: bytes
) -> None:
    secret = "whsec_" + base64.b64encode(raw).decode()
    keys = SigningKeys.of([secret], primary=secret)
    headers = headers_of(sign(keys, DEFAULT, event_id=event_id, timestamp=moment, body=body))
    with time_machine.travel(moment, tick=False):
        assert standardwebhooks.Webhook(secret).verify(body, headers) == json.loads(body)
        svix.webhooks.Webhook(secret).verify(body, headers)
    assert verify_as_receivers_do(body, headers["X-AetherFlow-Signature"], secret)


@given(live=st.integers(1, 5), body=json_bodies)
def test_the_holder_of_any_live_key_can_verify(live: int, body: bytes) -> None:
    secrets = [make_secret(bytes([number]) * 24) for number in range(live)]
    keys = SigningKeys.of(secrets, primary=secrets[-1], ed25519=[WHSK])
    headers = headers_of(sign(keys, ALL, event_id=EVENT_ID, timestamp=TIMESTAMP, body=body))
    assert len(headers["webhook-signature"].split(" ")) == live + 1
    with time_machine.travel(TIMESTAMP, tick=False):
        for secret in secrets:
            standardwebhooks.Webhook(secret).verify(body, headers)
            svix.webhooks.Webhook(secret).verify(body, headers)


@pytest.mark.parametrize("package", [standardwebhooks, svix.webhooks], ids=["standardwebhooks", "svix"])
@pytest.mark.parametrize(
    ("event_id", "moment", "body"),
    [("msg_other", TIMESTAMP, BODY), (EVENT_ID, TIMESTAMP + 1, BODY), (EVENT_ID, TIMESTAMP, BODY + b" ")],
    ids=["other id", "other time", "other body"],
)
def test_the_independent_packages_refuse_a_signature_of_anything_else(
    package: object, event_id: str, moment: int, body: bytes
) -> None:
    headers = headers_of(sign(KEYS, ALL, event_id=event_id, timestamp=moment, body=body))
    claimed = headers | {"webhook-id": EVENT_ID, "webhook-timestamp": str(TIMESTAMP)}
    verifier = package.Webhook(SECRET)  # type: ignore[attr-defined]
    with (
        time_machine.travel(TIMESTAMP, tick=False),
        pytest.raises(standardwebhooks.webhooks.WebhookVerificationError),
    ):
        verifier.verify(BODY, claimed)


@given(
    seed=st.binary(min_size=32, max_size=32),
    event_id=event_ids,
    moment=timestamps,
    body=st.binary(max_size=200),
)
def test_the_published_public_key_verifies_the_asymmetric_entry(
    seed: bytes, event_id: str, moment: int, body: bytes
) -> None:
    whsk = make_ed25519(seed)
    keys = SigningKeys.of([SECRET], primary=SECRET, ed25519=[whsk])
    headers = headers_of(sign(keys, pick_schemes(["v1a"]), event_id=event_id, timestamp=moment, body=body))
    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
    published = base64.b64decode(public_key(parse_ed25519(whsk)).removeprefix("whpk_"))
    stamped = f"{event_id}.{moment}.".encode() + body
    Ed25519PublicKey.from_public_bytes(published).verify(signature, stamped)


def test_the_two_keys_behind_one_secret_are_never_mixed() -> None:
    headers = headers_of(sign(KEYS, DEFAULT, event_id=EVENT_ID, timestamp=TIMESTAMP, body=BODY))
    stamped = f"{EVENT_ID}.{TIMESTAMP}.".encode() + BODY
    decoded, whole = base64.b64decode(SECRET.removeprefix("whsec_")), SECRET.encode()
    hex_under_decoded = hmac.new(decoded, BODY, hashlib.sha256).hexdigest()
    v1_under_whole = base64.b64encode(hmac.new(whole, stamped, hashlib.sha256).digest()).decode()
    assert headers["X-AetherFlow-Signature"] != hex_under_decoded
    assert headers["webhook-signature"] != f"v1,{v1_under_whole}"
