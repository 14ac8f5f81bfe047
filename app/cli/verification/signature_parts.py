"""The parts of a signed request, and what each signature of it should be."""

import base64
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aetherflow.webhooks.keys import Key, SharedSecret

ID, TIMESTAMP, SIGNATURES = "webhook-id", "webhook-timestamp", "webhook-signature"
BODY_SIGNATURES = ("x-aetherflow-signature", "x-aetherflow-signature-2")

# More digits than any time or length has; Python refuses to read thousands of them.
_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Received:
    """A request as a receiver got it; names of headers in lower case."""

    headers: Sequence[tuple[str, str]]
    body: bytes

    def find(self, name: str) -> str:
        """Return a header's value, "" when it is not there."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def timestamp(self) -> int | None:
        """When it was signed, in Unix seconds as its header says; None when that is no number."""
        said = self.find(TIMESTAMP).strip()
        return int(said) if _NUMBER.fullmatch(said) else None

    @property
    def declared_bytes(self) -> int | None:
        """How long the body was when it was sent, as far as that is known."""
        said = self.find("content-length").strip()
        return int(said) if _NUMBER.fullmatch(said) else None


def stamp(received: Received) -> bytes:
    """Return what Standard Webhooks signs."""
    return f"{received.find(ID).strip()}.{received.find(TIMESTAMP).strip()}.".encode() + received.body


def fits(entry: str, key: Key, stamped: bytes) -> bool:
    """Whether an entry of `webhook-signature` is the key's."""
    if isinstance(key, SharedSecret):
        return hmac.compare_digest(entry.encode(), expect_v1(key, stamped).encode())
    try:
        return entry.startswith("v1a,") and key.accepts(base64.b64decode(entry[4:], validate=True), stamped)
    except ValueError:
        return False


def expect_v1(key: SharedSecret, stamped: bytes) -> str:
    """Return the entry of `webhook-signature` that a shared secret makes."""
    return "v1," + base64.b64encode(hmac.digest(key.message_key, stamped, "sha256")).decode()


def expect_body(key: SharedSecret, body: bytes) -> str:
    """Return the `X-AetherFlow-Signature` that a shared secret makes."""
    return hmac.digest(key.body_key, body, "sha256").hex()


def read_event(body: bytes) -> dict[str, Any] | None:
    """Return the body as an object, None when it is none."""
    try:
        parsed = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
