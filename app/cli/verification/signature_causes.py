"""The likely mistake behind a signature that does not fit.

Most mistakes can be tried out: take back what somebody may have done to the body, the headers or the secret,
and see whether the signature fits then. What cannot be tried is told from the shape of the body, because the
service sends compact JSON whose members stand in a known order.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aetherflow.webhooks.keys import Key, SharedSecret, parse_secret

from app.cli.verification.signature_parts import (
    BODY_SIGNATURES,
    ID,
    SIGNATURES,
    TIMESTAMP,
    Received,
    expect_body,
    expect_v1,
    fits,
    read_event,
    stamp,
)
from app.errors import AetherFlowError
from app.rules.json_text import compact_json, parse_json

# The year 5138; milliseconds have passed this number since 1973.
LATEST_SECONDS = 100_000_000_000

MEMBERS = ["event", "id", "timestamp", "data"]


@dataclass(frozen=True, slots=True)
class Cause:
    """What probably went wrong, and what to do."""

    text: str
    remedy: str


RAW_BODY = "Verify the bytes of the request as they arrive, before any framework parses or decodes them."

ONLY_PUBLIC = Cause(
    "A public key checks v1a signatures, and the request has none.",
    "Add v1a to the endpoint's schemes, or verify with its whsec_ secret.",
)
ONLY_V1A = Cause(
    "A whsec_ secret checks v1 signatures, and the request has only v1a ones.",
    "Verify with the endpoint's public key (whpk_), or add v1 to its schemes.",
)
SWAPPED_KEYS = Cause(
    "The keys of the two schemes were mixed up: it fits when they are exchanged.",
    "webhook-signature takes the base64-decoded part behind whsec_ as its key, X-AetherFlow-Signature the whole "
    "string.",
)
BODY_ALONE = Cause(
    "The v1 signature covers the body alone.",
    "Sign the text `webhook-id.webhook-timestamp.body`; the service itself does, so this is another sender.",
)
LOST_VERSION = Cause(
    "The signature lost its `v1,` in front.", "Pass the header webhook-signature on as it arrives."
)
CHANGED_STAMP = Cause(
    "Secret and body are right, because X-AetherFlow-Signature fits; webhook-id or webhook-timestamp was changed, or "
    "belongs to another attempt.",
    "Take all headers from the same request, and let no proxy change them.",
)
PARSED_BODY = Cause(
    "The body was parsed and written again: the service sends compact JSON with the members event, id, timestamp, "
    "data in this order, and this is other JSON.",
    RAW_BODY,
)
DATA_ALONE = Cause("This is not the whole body: members of the event are missing.", RAW_BODY)
CUT_BODY = Cause("The body is no complete JSON, so it was cut or changed on the way.", RAW_BODY)
WRONG_LENGTH = Cause("The body is not as long as its content-length, so it was cut or changed.", RAW_BODY)
OTHER_BODY = Cause(
    "Headers and body belong to different deliveries: webhook-id names another event than the body.",
    "Take both from the same request.",
)
WRONG_SECRET = Cause(
    "The body looks as the service sends it, so this is most likely the wrong secret: that of another endpoint, or "
    "one that was replaced.",
    "Compare its last four characters with those of the endpoint. While it is being replaced, verify with both.",
)

BY_REASON: Mapping[str, Cause] = {
    "missing_header": Cause(
        "The request was not signed, or headers were dropped on the way.",
        "Let proxies and frameworks pass webhook-id, webhook-timestamp and webhook-signature on.",
    ),
    "malformed_header": Cause(
        "A header was changed on the way, or stands twice.", "Pass the headers on as they arrive, each once."
    ),
    "timestamp_too_old": Cause(
        "The signature fits, but it was made too long ago: an old request sent again, or a clock that is ahead.",
        "Verify when the request arrives, and set the clock by NTP. To look at a stored one, raise --tolerance.",
    ),
    "timestamp_too_new": Cause(
        "The signature fits, but it was made in the future: this machine's clock is behind.",
        "Set the clock by NTP.",
    ),
    "body_signature_not_allowed": Cause(
        "Only the body is signed, so the request could be recorded and sent again at any time.",
        "Add v1 to the endpoint's schemes; or accept it on purpose, and deduplicate by the event's id.",
    ),
    "malformed_body": Cause(
        "The signature fits, but the body is no JSON object, so it is no event.", "It has another sender."
    ),
}


def find_cause(reason: str, keys: Mapping[str, Key], received: Received) -> Cause:
    """Return the likely mistake behind a refusal with one of the client's reasons."""
    if reason == "malformed_header" and (received.timestamp or 0) > LATEST_SECONDS:
        return Cause(f"{TIMESTAMP} is in milliseconds.", "It is signed in seconds; pass it on as it arrives.")
    looks_signed = reason.startswith("timestamp") or reason == "no_matching_signature"
    if looks_signed and not is_signed(keys, received):
        return find_mismatch(keys, received)
    return BY_REASON[reason]


def find_mismatch(keys: Mapping[str, Key], received: Received) -> Cause:
    """Return why no signature fits any of the keys."""
    versions = {entry.partition(",")[0] for entry in received.find(SIGNATURES).split()}
    shared = [key for key in keys.values() if isinstance(key, SharedSecret)]
    if not shared and "v1a" not in versions:
        return ONLY_PUBLIC
    if len(shared) == len(keys) and versions == {"v1a"}:
        return ONLY_V1A
    for body, cause in undo_changes(received.body):
        if is_signed(keys, replace(received, body=body)):
            return cause
    return find_mixed_up(shared, received) or judge_by_shape(received)


def find_mixed_up(shared: Sequence[SharedSecret], received: Received) -> Cause | None:
    """Return which parts of key, header and signed text were mixed up, if that makes a signature fit."""
    entries = received.find(SIGNATURES).split()
    stamped, body = stamp(received), received.body
    for key in shared:
        swapped = SharedSecret(body_key=key.message_key, message_key=key.body_key)
        if expect_v1(swapped, stamped) in entries or expect_body(swapped, body) in body_signatures(received):
            return SWAPPED_KEYS
        if expect_v1(key, body) in entries or expect_v1(swapped, body) in entries:
            return BODY_ALONE
        if expect_v1(key, stamped).removeprefix("v1,") in entries:
            return LOST_VERSION
        if expect_body(key, body) in body_signatures(received):
            return OTHER_BODY if names_other_event(received) else CHANGED_STAMP
    return None


def judge_by_shape(received: Received) -> Cause:
    """Return the likely mistake where none could be tried out."""
    event = read_event(received.body)
    if received.declared_bytes not in (None, len(received.body)):
        return WRONG_LENGTH
    if event is None:
        return CUT_BODY
    if not set(MEMBERS) <= event.keys():
        return DATA_ALONE
    if names_other_event(received):
        return OTHER_BODY
    return WRONG_SECRET if list(event) == MEMBERS and is_compact(received.body) else PARSED_BODY


def undo_changes(body: bytes) -> Iterator[tuple[bytes, Cause]]:
    """Yield bodies that may have become this one, each with how."""
    line_end = Cause(
        "The body has a line end that was not sent: editors and `echo` add one, and text mode changes them.",
        "Save the bytes of the request as they arrive.",
    )
    yield body.rstrip(b"\r\n"), line_end
    yield body.replace(b"\r\n", b"\n"), line_end
    lost = Cause("The line end at the end of the body was cut off.", RAW_BODY)
    yield body + b"\n", lost
    yield body + b"\r\n", lost
    mark = Cause("The body begins with a byte order mark that was not sent.", RAW_BODY)
    yield body.removeprefix(b"\xef\xbb\xbf"), mark
    decoded = Cause("The body was decoded with another character set than UTF-8.", RAW_BODY)
    for charset in ("latin-1", "cp1252"):
        try:
            yield body.decode().encode(charset), decoded
        except UnicodeError:
            continue
    for rewritten in write_again(body):
        yield rewritten, PARSED_BODY


def write_again(body: bytes) -> Iterator[bytes]:
    """Yield what JSON may have been before somebody parsed it and wrote it in their own way."""
    event = read_event(body)
    if event is None:
        return
    try:
        parse_json(body)
        yield compact_json(body)
    except AetherFlowError:
        pass
    known = {name: event[name] for name in MEMBERS if name in event}
    for members in (event, known | event):
        for is_ascii in (False, True):
            written = json.dumps(members, ensure_ascii=is_ascii, separators=(",", ":"))
            yield written.encode(errors="replace")


def find_secret_cause(secrets: Sequence[str]) -> Cause:
    """Return what is wrong with the first secret that cannot be read."""
    for secret in secrets:
        bare = secret.strip().strip("'\"").strip()
        if is_secret(secret):
            continue
        if is_secret(bare):
            return Cause("The secret has white space or quotes around it.", "Take it without them.")
        if is_secret(f"whsec_{bare}"):
            return Cause("The secret lacks its beginning, whsec_.", "Take the whole string as it was shown.")
        if bare.startswith("whsk_"):
            return Cause("This is the private key, which signs.", "Verify with the public key, whpk_...")
        if bare.startswith("afk_"):
            return Cause("This is an API key.", "Take the endpoint's secret, whsec_...")
    return Cause("The secret is incomplete or damaged.", "Copy it again, whole, from where it was shown.")


def is_secret(text: str) -> bool:
    """Whether a text is a secret that can verify."""
    try:
        parse_secret(text)
    except ValueError:
        return False
    return True


def is_signed(keys: Mapping[str, Key], received: Received) -> bool:
    """Whether an entry of `webhook-signature` fits one of the keys."""
    stamped = stamp(received)
    return any(
        fits(entry, key, stamped) for entry in received.find(SIGNATURES).split() for key in keys.values()
    )


def body_signatures(received: Received) -> list[str]:
    """Return the signatures of the body alone."""
    return [received.find(name).strip() for name in BODY_SIGNATURES]


def names_other_event(received: Received) -> bool:
    """Whether the headers speak of another event than the body."""
    event = read_event(received.body)
    return event is not None and event.get("id") != received.find(ID).strip()


def is_compact(body: bytes) -> bool:
    """Whether JSON has no space between its parts."""
    try:
        parse_json(body)
        return compact_json(body) == body
    except AetherFlowError:
        return False
