"""The body of an event: `{"event", "id", "timestamp", "data"}`, compact, composed once and never encoded again.

Everything before `data` has a fixed form, so the timestamp can be read back from the stored bytes.
"""

from datetime import UTC, datetime

# A type has at most 128 characters and an id 64, so the timestamp ends before this.
HEAD_BYTES = 400


def compose_body(*, event_type: str, event_id: str, timestamp: str, data: bytes) -> bytes:
    """Return the body that is stored, signed and sent; `data` is compact JSON."""
    return b'{"event":"%b","id":"%b","timestamp":"%b","data":%b}' % (
        event_type.encode(),
        event_id.encode(),
        timestamp.encode(),
        data,
    )


def read_timestamp(body: bytes) -> str:
    """Return the timestamp of a composed body, or of its first HEAD_BYTES."""
    start = body.index(b'","timestamp":"') + len(b'","timestamp":"')
    return body[start : body.index(b'"', start)].decode()


def read_data(body: bytes) -> bytes:
    """Return the compact `data` of a composed body."""
    return body[body.index(b',"data":') + len(b',"data":') : -1]


def format_timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
