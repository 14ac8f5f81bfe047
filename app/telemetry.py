"""Logs and metrics.

A log line is one constant event name with facts as fields. Payloads, headers and secrets are never
logged; as a second net, a processor blanks fields that are named like a secret.
"""

import logging
import sys
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECRET_WORDS = ("secret", "token", "password", "authorization", "cookie", "keyring", "api_key")


def drop_secrets(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Blank every field that is named like a secret."""
    for name in line:
        if any(word in name.lower() for word in SECRET_WORDS):
            line[name] = "[dropped]"
    return line


def configure_logs(*, log_format: str, level: str) -> None:
    """Send log lines to standard error, for people (`console`) or machines (`json`)."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


class Metrics:
    """The process's Prometheus metrics; one object a process, passed on like any other part."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "aetherflow_events_published", "Events committed by this process.", registry=self.registry
        )
        self.attempts = Counter(
            "aetherflow_attempts", "Attempts settled by this process.", ["result"], registry=self.registry
        )
        self.attempt_seconds = Histogram(
            "aetherflow_attempt_seconds", "Whole time of an attempt, in seconds.", registry=self.registry
        )
        self.leases_lost = Counter(
            "aetherflow_leases_lost",
            "Attempts whose lease another process had taken.",
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "aetherflow_attempts_in_flight", "Attempts that are on the wire now.", registry=self.registry
        )
        self.requests = Counter(
            "aetherflow_requests",
            "Requests to triggers that were stored, by whether they started a session.",
            ["started"],
            registry=self.registry,
        )
        self.sessions = Counter(
            "aetherflow_sessions", "Sessions ended by this process.", ["status"], registry=self.registry
        )
        self.session_seconds = Histogram(
            "aetherflow_session_seconds",
            "Time from a session's creation to its end, in seconds.",
            registry=self.registry,
        )
        self.pending = Gauge(
            "aetherflow_deliveries_pending", "Deliveries that are not finished yet.", registry=self.registry
        )
