"""A receiver of deliveries: checks each one and says on standard error what it got.

WEBHOOK_SECRET=whsec_... python examples/receiver.py 9000
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aetherflow.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])

# What was seen. A real receiver keeps the ids where it keeps the work, in the same transaction.
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Takes deliveries at any path."""

    # Keeps connections open, which spares both sides a new one for each delivery.
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one delivery."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = webhook.verify(body, self.headers)
        except WebhookVerificationError as refusal:
            self.answer(400, f"refused: {refusal.reason}")
            return
        # Deliveries come at least once: the same id again is the same event again.
        known = "seen before" if event["id"] in seen else "verified"
        seen.add(event["id"])
        self.answer(204, f"{known}: {event['event']} {event['id']} {json.dumps(event['data'])}")

    def answer(self, status: int, line: str) -> None:
        """Answer without a body and say why."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.log_message("%s", line)

    def log_request(self, *_: object) -> None:
        """Leave out the line that the class would write besides."""


port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
