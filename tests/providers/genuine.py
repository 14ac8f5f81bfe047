"""Genuine requests of every provider, signed here by other means than those that check them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.providers import SignedRequest
from app.signatures import SigningKeys, pick_schemes, sign

NOW = datetime(2026, 11, 21, 12, 0, 0, 400_000, tzinfo=UTC)
TOLERANCE_SECONDS = 300


class Headers(dict[str, str]):
    """Found whatever the case, as the service hands them over."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: object = None, /) -> str | None:  # type: ignore[override]
        return super().get(name.lower())


Sign = Callable[[str, bytes, int], dict[str, str]]
"""From a secret, a body and Unix seconds to headers."""


@dataclass(frozen=True, slots=True)
class Sender:
    """How one provider signs."""

    secret: str
    other_secret: str
    sign: Sign

    body: bytes = b'{"action":"opened","number":1}'

    signatures: tuple[str, ...] = ()
    """The headers of which every character counts."""

    signs_time: bool = False
    signs_body: bool = True


def request(
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    method: str = "POST",
    query: Mapping[str, str] | None = None,
) -> SignedRequest:
    return SignedRequest(method, "/webhooks/slug", query or {}, Headers(headers), body)


def genuine(sender: Sender, *, moment: int | None = None, body: bytes | None = None) -> SignedRequest:
    """What the provider sends at that moment, by default now."""
    content = sender.body if body is None else body
    seconds = int(NOW.timestamp()) if moment is None else moment
    return request(sender.sign(sender.secret, content, seconds), content)


def with_header(original: SignedRequest, name: str, value: str | None) -> SignedRequest:
    """The same request with one header changed or left out."""
    headers = dict(original.headers.items())  # type: ignore[attr-defined]
    headers.pop(name.lower(), None)
    if value is not None:
        headers[name.lower()] = value
    return replace(original, headers=Headers(headers))


def digest(key: str | bytes, content: bytes) -> bytes:
    return hmac.new(key.encode() if isinstance(key, str) else key, content, hashlib.sha256).digest()


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def sign_hub(secret: str, body: bytes, moment: int) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={digest(secret, body).hex()}"}


def sign_meta(secret: str, body: bytes, moment: int) -> dict[str, str]:
    return sign_hub(secret.split(":")[0], body, moment)


def sign_stripe(secret: str, body: bytes, moment: int) -> dict[str, str]:
    signature = digest(secret, f"{moment}.".encode() + body).hex()
    return {"Stripe-Signature": f"t={moment},v1={signature}"}


def sign_slack(secret: str, body: bytes, moment: int) -> dict[str, str]:
    signature = digest(secret, f"v0:{moment}:".encode() + body).hex()
    return {"X-Slack-Signature": f"v0={signature}", "X-Slack-Request-Timestamp": str(moment)}


def sign_zoom(secret: str, body: bytes, moment: int) -> dict[str, str]:
    signature = digest(secret, f"v0:{moment}:".encode() + body).hex()
    return {"x-zm-signature": f"v0={signature}", "x-zm-request-timestamp": str(moment)}


def sign_shopify(secret: str, body: bytes, moment: int) -> dict[str, str]:
    return {"X-Shopify-Hmac-Sha256": base64_text(digest(secret, body))}


def sign_x(secret: str, body: bytes, moment: int) -> dict[str, str]:
    return {"x-twitter-webhooks-signature": f"sha256={base64_text(digest(secret, body))}"}


def sign_plain(secret: str, body: bytes, moment: int) -> dict[str, str]:
    return {"X-Signature": digest(secret, body).hex()}


def sign_standard(secret: str, body: bytes, moment: int) -> dict[str, str]:
    time = datetime.fromtimestamp(moment, UTC)
    signature = standardwebhooks.Webhook(secret).sign("msg_1", time, body.decode("utf-8"))
    return {"webhook-id": "msg_1", "webhook-timestamp": str(moment), "webhook-signature": signature}


def sign_aetherflow(secret: str, body: bytes, moment: int) -> dict[str, str]:
    keys, schemes = SigningKeys.of([secret], primary=secret), pick_schemes(["aetherflow", "v1"])
    block = sign(keys, schemes, event_id="evt_1", timestamp=moment, body=body)
    return dict(line.split(": ", 1) for line in block.decode().splitlines())


def sign_discord(secret: str, body: bytes, moment: int) -> dict[str, str]:
    signature = DISCORD_KEYS[secret].sign(str(moment).encode() + body)
    return {"X-Signature-Ed25519": signature.hex(), "X-Signature-Timestamp": str(moment)}


def sign_nothing(secret: str, body: bytes, moment: int) -> dict[str, str]:
    return {}


def notifications(*words: object) -> bytes:
    """The body of Microsoft Graph with one notification for each word."""
    return json.dumps({"value": [{"subscriptionId": "1", "clientState": word} for word in words]}).encode()


_PAIRS = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2)]
DISCORD_KEYS = {pair.public_key().public_bytes_raw().hex(): pair for pair in _PAIRS}
_DISCORD, _OTHER_DISCORD = DISCORD_KEYS

_WHSEC, _OTHER_WHSEC = (f"whsec_{base64_text(bytes([number]) * 24)}" for number in (1, 2))

SENDERS: dict[str, Sender] = {
    "github": Sender("first", "other", sign_hub, signatures=("X-Hub-Signature-256",)),
    "stripe": Sender(_WHSEC, _OTHER_WHSEC, sign_stripe, signatures=("Stripe-Signature",), signs_time=True),
    "slack": Sender(
        "first",
        "other",
        sign_slack,
        signatures=("X-Slack-Signature", "X-Slack-Request-Timestamp"),
        signs_time=True,
    ),
    "shopify": Sender("first", "other", sign_shopify, signatures=("X-Shopify-Hmac-Sha256",)),
    "standard": Sender(
        _WHSEC,
        _OTHER_WHSEC,
        sign_standard,
        signatures=("webhook-signature", "webhook-id", "webhook-timestamp"),
        signs_time=True,
    ),
    "hmac": Sender("first", "other", sign_plain, signatures=("X-Signature",)),
    "aetherflow": Sender(
        _WHSEC,
        _OTHER_WHSEC,
        sign_aetherflow,
        # Without a webhook-signature that counts, the body signature decides, see its own tests.
        signatures=("webhook-id", "webhook-timestamp"),
        signs_time=True,
    ),
    "meta": Sender("abc123:token", "abc124:token", sign_meta, signatures=("X-Hub-Signature-256",)),
    "microsoft_graph": Sender(
        "first", "other", sign_nothing, body=notifications("first", "first"), signs_body=False
    ),
    "discord": Sender(
        _DISCORD,
        _OTHER_DISCORD,
        sign_discord,
        signatures=("X-Signature-Ed25519", "X-Signature-Timestamp"),
        signs_time=True,
    ),
    "zoom": Sender(
        "first",
        "other",
        sign_zoom,
        signatures=("X-Zm-Signature", "X-Zm-Request-Timestamp"),
        signs_time=True,
    ),
    "x": Sender("first", "other", sign_x, signatures=("X-Twitter-Webhooks-Signature",)),
}
