"""One service for all journeys of requests to triggers, in both wirings."""

from collections.abc import Iterator
from typing import Literal

import pytest

from tests.servers import REDIS, Servers
from tests.services import WIRINGS, Service, run_in

# What the log says when something went wrong that is neither the caller's nor the author's doing.
MISTAKES = (
    "request_failed",
    "session_not_performed",
    "session_not_settled",
    "Exception in ASGI application",
    "Task was destroyed",
    "never retrieved",
    "never awaited",
)


def choose_scope(fixture_name: str, config: pytest.Config) -> Literal["module", "session"]:
    """Keep the service running, unless its Redis is one that other tests need for themselves."""
    return "module" if Servers().is_given(REDIS) else "session"


@pytest.fixture(scope=choose_scope, params=WIRINGS)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with run_in(request.param, request.getfixturevalue) as running:
        yield running
        for name, text in running.logs().items():
            assert not [line for line in text.splitlines() if any(sign in line for sign in MISTAKES)], name
