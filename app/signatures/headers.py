"""The signature headers of one attempt, composed from the schemes that its endpoint asks for."""

from app.signatures.keys import SigningKeys
from app.signatures.scheme import Scheme


def sign(
    keys: SigningKeys, schemes: tuple[Scheme, ...], *, event_id: str | bytes, timestamp: int, body: bytes
) -> bytes:
    """Return the header lines that sign a body, each ended by CRLF, ready to be sent.

    `timestamp` is the moment of this attempt in Unix seconds. `event_id` goes into a header and into
    what is signed as it is, so it must be one that publishing accepted (`[A-Za-z0-9_-]{1,64}`).
    `webhook-id` and `webhook-timestamp` are always there, because receivers deduplicate by the
    first; the signature headers are those of `schemes`, in that order.

    This runs for every attempt: it copies the body once and allocates little else.
    """
    if isinstance(event_id, str):
        event_id = event_id.encode("ascii")
    stamped = b"%b.%d.%b" % (event_id, timestamp, body)
    lines = b""
    entries = []
    for scheme in schemes:
        if scheme.covers == "body":
            lines += scheme.write(keys, body)
        else:
            entries.append(scheme.write(keys, stamped))
    lines = b"%bwebhook-id: %b\r\nwebhook-timestamp: %d\r\n" % (lines, event_id, timestamp)
    return b"%bwebhook-signature: %b\r\n" % (lines, b" ".join(entries)) if entries else lines
