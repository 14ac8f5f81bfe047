"""`autokitteh.outcomes`."""

from aetherflow.outcomes import http_outcome, outcome

__all__ = ["http_outcome", "outcome"]
