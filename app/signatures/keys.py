"""What signs the deliveries of one endpoint, worked out once per version of its configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.errors import InternalError
from app.signatures.secrets import (
    BodyKey,
    StampedKey,
    body_key,
    parse_ed25519,
    parse_secret,
    private_key,
    stamped_key,
)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key material of one endpoint in the form that signing wants. Its repr shows no key."""

    primary: BodyKey = field(repr=False)
    """Signs `X-AetherFlow-Signature`."""

    second: BodyKey | None = field(repr=False)
    """Signs `X-AetherFlow-Signature-2` while a rotation overlaps, else None."""

    live: tuple[StampedKey, ...] = field(repr=False)
    """Every live key for the `v1` entries, newest first, whichever is primary."""

    ed25519: tuple[Ed25519PrivateKey, ...] = field(repr=False)
    """Every live Ed25519 key for the `v1a` entries, newest first."""

    @classmethod
    def of(
        cls, live: Sequence[str], *, primary: str, second: str | None = None, ed25519: Sequence[str] = ()
    ) -> Self:
        """Work out the keys from the texts of an endpoint's live secrets, newest first.

        `primary` and `second` are two different ones of `live`; `ed25519` are `whsk_` texts, newest
        first. Raises `InternalError` where they do not fit together, `Invalid` for a malformed text.
        """
        if primary not in live:
            raise InternalError("The primary secret of an endpoint must be one of its live secrets.")
        if second is not None and (second == primary or second not in live):
            raise InternalError("The second secret must be live and another one than the primary.")
        secrets = {text: parse_secret(text) for text in live}
        return cls(
            primary=body_key(secrets[primary]),
            second=None if second is None else body_key(secrets[second]),
            live=tuple(stamped_key(secret) for secret in secrets.values()),
            ed25519=tuple(private_key(parse_ed25519(text)) for text in ed25519),
        )
