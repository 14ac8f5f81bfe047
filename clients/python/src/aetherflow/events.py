"""What a handler receives, and how a request becomes it.

The service, the runner and `aetherflow.testing` all make `event.data` here, so that a filter, a
handler and a unit test see the same.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from aetherflow.bodies import read_json, read_pairs, read_text, unescape
from aetherflow.data import Data, adopt, join_pairs, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORM_TYPE = "application/x-www-form-urlencoded"


class Event:
    """What started a handler, or what `next_event` waited for.

    `event_type` is the method in lower case, `tick` for a schedule. `event_id` identifies the request.
    `data` holds the request, see `make_data`. Everything in `data` is also there directly:
    `event.body.text` is `event.data.body.text`, and so are `event["body"]` and `event.get("body")`.
    """

    __slots__ = ("data", "event_id", "event_type", "session_id")

    def __init__(
        self, event_type: str | None, event_id: str | None, data: Any, session_id: str | None = None
    ) -> None:
        self.event_type = event_type
        self.event_id = event_id
        self.data = wrap({} if data is None else data)
        self.session_id = session_id

    def __getattr__(self, name: str) -> Any:
        # Only reached for names that are not the event's own; those are unset while it is unpickled.
        if name in Event.__slots__ or not isinstance(self.data, Data):
            raise AttributeError(name)
        return getattr(self.data, name)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name) if name in Event.__slots__ else self.data[name]

    def __contains__(self, name: object) -> bool:
        return name in Event.__slots__ or name in self.data

    def get(self, name: str, default: Any = None) -> Any:
        """Return a member of the event or of its data, or the default when there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in Event.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Event({self.event_type!r}, {self.event_id!r}, {self.data!r})"


def make_data(
    *, method: str, raw_url: str, suffix: str, headers: Iterable[Sequence[str]], body: bytes
) -> Data:
    """Return the `event.data` of a request.

    | member | content |
    | --- | --- |
    | `method` | as sent |
    | `raw_url` | path and query as sent |
    | `url` | `path` (decoded), `path_suffix` (below the slug), `query`, `raw_query`, `fragment`, `raw_fragment` |
    | `headers` | canonical names, looked up in any case; repeated ones joined with ", " |
    | `body` | `bytes`, `text`, `form`, `json`: each None when there is no body or it is not of that kind |

    `body.text` is there when the body is UTF-8, `body.json` when it is one JSON value of whatever content
    type, `body.form` when it is urlencoded and the method is POST, PUT or PATCH.

    `raw_url` and `headers` are Latin-1 text, as HTTP servers hand them out; `suffix` is used as it is.
    Never raises, whatever a stranger sent.
    """
    before, _, raw_fragment = raw_url.partition("#")
    raw_path, _, raw_query = before.partition("?")
    received = join_pairs(headers)
    url = {
        "path": unescape(_octets(raw_path)),
        "path_suffix": suffix,
        "query": read_pairs(_octets(raw_query)),
        "raw_query": raw_query,
        "fragment": unescape(_octets(raw_fragment)),
        "raw_fragment": raw_fragment,
    }
    content = _read_body(body, method, received.get("Content-Type", ""))
    return adopt(
        {"method": method, "raw_url": raw_url, "url": adopt(url), "headers": received, "body": content}
    )


def read_event(stored: Mapping[str, Any], session_id: str | None = None) -> Event:
    """Return the event of a request as the service hands it out, its body as `body_base64`."""
    data = make_data(
        method=stored["method"],
        raw_url=stored["raw_url"],
        suffix=stored["suffix"],
        headers=stored["headers"],
        body=b64decode(stored["body_base64"] or ""),
    )
    return Event(stored["event_type"], stored["event_id"], data, session_id)


def _read_body(body: bytes, method: str, content_type: str) -> Data:
    if not body:
        return adopt({"bytes": None, "text": None, "form": None, "json": None})
    text = read_text(body)
    is_form = content_type.partition(";")[0].strip().lower() == FORM_TYPE
    form = read_pairs(body) if is_form and method.upper() in ("POST", "PUT", "PATCH") else None
    json = None if text is None else read_json(text)
    return adopt({"bytes": body, "text": text, "form": form, "json": json})


def _octets(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
