"""One request to the API and its answer: key, JSON, and statuses turned into exceptions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from aetherflow import __version__
from aetherflow.webhooks.api_errors import error_from
from aetherflow.webhooks.connections import Connections, Request
from aetherflow.webhooks.wire import json_bytes

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from aetherflow.webhooks.response import Response

_PREFIX = "/api/v1"
_USER_AGENT = f"aetherflow-python/{__version__}"
_PATH = re.compile(r"/[!-~]*")
# By HTTP (RFC 9110, 9.2.2). PATCH joins them because the API's PATCH replaces members whole.
_REPEATABLE_METHODS = frozenset(("GET", "HEAD", "PUT", "DELETE", "PATCH"))


class Transport:
    """Sends requests with the key. Safe to share between threads."""

    def __init__(
        self, url: str, key: str, *, timeout: float, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        if not re.fullmatch(r"[!-~]+", key):
            raise ValueError("the API key must be visible ASCII characters, afk_...")
        self._connections = Connections(url, ssl_context=ssl_context)
        self._prefix = urlsplit(url).path.rstrip("/") + _PREFIX
        self._key = key
        self.timeout_seconds = timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """See `Client.request`."""
        if not _PATH.fullmatch(path):
            raise ValueError("the path must begin with / and hold visible ASCII characters only")
        if json is not None and body is not None:
            raise ValueError("give either `json` or `body`")
        content = json_bytes(json) if json is not None else body
        sent = _merged(self._default_headers(has_body=content is not None), headers or {})
        answer = self._connections.send(
            Request(
                method=method,
                target=self._prefix + path + _query_text(query or {}),
                headers=sent,
                body=content,
                is_repeatable=method in _REPEATABLE_METHODS or "idempotency-key" in map(str.lower, sent),
            ),
            timeout_seconds=self.timeout_seconds if timeout is None else timeout,
        )
        if not 200 <= answer.status < 300:
            raise error_from(answer.status, answer.headers, answer.body)
        return answer

    def close(self) -> None:
        self._connections.close()

    def _default_headers(self, *, has_body: bool) -> dict[str, str]:
        content_type = {"Content-Type": "application/json"} if has_body else {}
        return {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/json",
            "User-Agent": _USER_AGENT,
            **content_type,
        }


def path_of(*parts: str) -> str:
    """A path of escaped parts, so that no id can lead to another resource.

    Raises ValueError for an empty part and for `.` and `..`, which escaping does not disarm.
    """
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("an id must not be empty or dots")
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def idempotency_headers(key: str | None) -> Mapping[str, str]:
    return {} if key is None else {"Idempotency-Key": key}


def _merged(defaults: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The defaults that `given` does not name, in whatever case, and all of `given`."""
    named = {name.lower() for name in given}
    return {**{name: value for name, value in defaults.items() if name.lower() not in named}, **given}


def _query_text(query: Mapping[str, object]) -> str:
    texts = {name: _query_value(value) for name, value in query.items() if value is not None}
    return f"?{urlencode(texts)}" if texts else ""


def _query_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
