"""An answer of the service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any

from aetherflow.webhooks.api_errors import ApiError

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Response:
    """`headers` finds names in any case; `body` is what was sent, byte by byte."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The parsed body, None when there is none. Raises ApiError `malformed_answer` if it is no JSON."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise self._malformed("the answer is not JSON") from None

    def json_object(self) -> JsonObject:
        """As `json`, but raises ApiError `malformed_answer` for anything but an object."""
        parsed = self.json()
        if not isinstance(parsed, dict):
            raise self._malformed("the answer is not a JSON object")
        return parsed

    def _malformed(self, detail: str) -> ApiError:
        request_id = self.headers.get("Request-Id")
        return ApiError(detail, status=self.status, code="malformed_answer", request_id=request_id)
