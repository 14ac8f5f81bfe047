"""Calling the HTTP services that the workspace is connected to.

The service performs the request with the stored credentials; the process of the handler never sees them.
"""

from __future__ import annotations

import json as json_text
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from aetherflow.answers import check_headers, encode_body, encode_json, names_content_type
from aetherflow.arguments import check_seconds, check_text
from aetherflow.binding import current
from aetherflow.data import Headers, join_pairs, wrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aetherflow.arguments import Duration


class IntegrationResponse(NamedTuple):
    """What a connected service answered."""

    status_code: int
    headers: Headers
    content: bytes

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become replacement characters."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as a JSON value, its objects with attributes.

        Raises:
            ValueError: It is no JSON.
        """
        return wrap(json_text.loads(self.content))


class Integration:
    """A connected service; `path` is below its base URL.

    Each method sends one request, with up to three retries: after 429 and 503, and when no connection came
    about; a GET, PUT, DELETE or OPTIONS, or a request with an Idempotency-Key, also after a time-out, a broken
    connection and 500, 502 and 504. What is answered then is returned, unless it is 429 or 5xx. Redirects are
    not followed. `query` is a dict, `json` any JSON value, `body` text or bytes, `timeout` seconds or a
    timedelta for one try, by default 10 and at most 300. A body that is answered may have 5 MiB.

    Raises:
        IntegrationError: The integration is not connected, or no answer came that could be used.
        TypeError, ValueError: An argument cannot be sent.
    """

    def __init__(self, name: str) -> None:
        self.name = check_text(name, "name")

    def get(self, path: str, **options: Any) -> IntegrationResponse:
        """Send a GET; the options are those of `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> IntegrationResponse:
        """Send a POST; the options are those of `request`."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> IntegrationResponse:
        """Send a PUT; the options are those of `request`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> IntegrationResponse:
        """Send a PATCH; the options are those of `request`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> IntegrationResponse:
        """Send a DELETE; the options are those of `request`."""
        return self.request("DELETE", path, **options)

    def send_email(
        self,
        *,
        to: str | Sequence[str],
        subject: str,
        text: str | None = None,
        html: str | None = None,
        sender: str | None = None,
        timeout: Duration | None = None,
    ) -> list[str]:
        """Send a mail through an integration of the kind smtp; return the addresses that the server refused.

        `to` is an address or up to 100 of them. Give `text`, `html` or both. `sender` is by default the user
        name of the account. What has reached the server is not sent again.
        """
        recipients = [to] if isinstance(to, str) else list(to)
        refused: list[str] = current().perform(
            "send_email",
            {
                "name": self.name,
                "to": [check_text(each, "to") for each in recipients],
                "subject": check_text(subject, "subject"),
                "text": None if text is None else check_text(text, "text"),
                "html": None if html is None else check_text(html, "html"),
                "sender": None if sender is None else check_text(sender, "sender"),
                "timeout_seconds": None if timeout is None else check_seconds(timeout, "timeout"),
            },
        )
        return refused

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        body: str | bytes | None = None,
        timeout: Duration | None = None,
    ) -> IntegrationResponse:
        """Send a request of one of the methods above, or OPTIONS."""
        if json is not None and body is not None:
            raise ValueError("give body or json, not both")
        content, content_type = encode_body(body) if json is None else (encode_json(json), "application/json")
        pairs = check_headers(headers)
        if content_type is not None and not names_content_type(pairs):
            pairs.append(["Content-Type", content_type])
        answer = current().perform(
            "integration",
            {
                "name": self.name,
                "method": check_text(method, "method"),
                "path": check_text(path, "path"),
                "query": {str(name): str(value) for name, value in (query or {}).items()},
                "headers": pairs,
                "body_base64": None if content is None else b64encode(content).decode(),
                "timeout_seconds": None if timeout is None else check_seconds(timeout, "timeout"),
            },
        )
        return IntegrationResponse(
            answer["status_code"],
            join_pairs(answer["headers"]),
            b64decode(answer["body_base64"] or ""),
        )


def integration(name: str) -> Integration:
    """Return the integration of this name; nothing is sent yet."""
    return Integration(name)
