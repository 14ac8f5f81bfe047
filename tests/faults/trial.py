"""One trial: a running service, a steady load on it, a fault in the middle, and the accounts compared afterwards.

with trial.load() as load:
    load.flow()                       # deliveries come in
    fault = Fault("kill -9 of the server", time.time_ns())
    trial.service.server.kill9()
    ...
    load.flow()                       # and come in again
trial.judge(fault)
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.findings import Endpoints, Fault, Findings, compare
from tests.faults.publisher import CALLS_PER_SECOND, RETRIED, Call, Publisher
from tests.faults.records import is_settled, read_deliveries
from tests.ledger import FAILS_ONCE, Ledger
from tests.services import Service
from tests.waiting import until

# How long a service that can do its work again may take until nothing is pending: a lease lasts 5 s, the look for
# those that ended comes each second, and a machine with other things to do takes its time.
SETTLE_SECONDS = 25

# Deliveries that show that the stream flows: one second's.
FLOW = CALLS_PER_SECOND


class Load:
    """The stream of events while it lasts."""

    def __init__(self, publisher: Publisher, ledger: Ledger) -> None:
        self.publisher = publisher
        self.ledger = ledger

    def flow(self) -> None:
        """Wait until another second's worth of events has been accepted and as many deliveries have come."""
        published, arrived = self.publisher.count_accepted() + FLOW, self.ledger.count() + FLOW
        until(
            lambda: self.publisher.count_accepted() >= published and self.ledger.count() >= arrived,
            what="events flow from publisher to receiver",
        )


class Trial:
    """A service with two endpoints at a ledger."""

    def __init__(
        self, service: Service, ledger: Ledger, folder: Path, *, report: Callable[[Fault, Findings], None]
    ) -> None:
        self.service = service
        self.ledger = ledger
        self.database_url = service.environment["AETHERFLOW_DATABASE_URL"]
        self._publisher = Publisher(folder, port=service.server.port or 0, api_key=service.api_key)
        self._report = report
        self._endpoints = Endpoints(
            self.register(ledger.url("/all")),
            self.register(ledger.url(FAILS_ONCE), events=[RETRIED], retry={"schedule": [0.2]}),
        )

    def register(self, url: str, **settings: object) -> str:
        """Register an endpoint and return its id."""
        answer = self.service.api.post("/endpoints", json={"url": url, **settings})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    @contextlib.contextmanager
    def load(self) -> Iterator[Load]:
        """Publish while the block runs, then wait for the answers that are due."""
        with self._publisher as publisher:
            yield Load(publisher, self.ledger)
            status = publisher.stop()
            assert status == 0, f"the publisher ended with status {status}\n{publisher.log_tail()}"

    def judge(self, fault: Fault) -> list[Call]:
        """Wait until everything is settled, end the service, and compare the accounts; returns all calls.

        The end of the service is part of the trial: what still was in flight has arrived after it.
        """
        with contextlib.suppress(AssertionError):
            # What never settles is told below, by name.
            until(
                lambda: is_settled(self.database_url, self._endpoints.ids),
                what="everything is settled",
                timeout_seconds=SETTLE_SECONDS,
            )
        for program in self.service.programs:
            if program.is_running:
                program.terminate()
        calls = self._publisher.calls()
        findings = compare(
            calls,
            self.ledger.entries(),
            read_deliveries(self.database_url),
            endpoints=self._endpoints,
            fault=fault,
        )
        for name, text in self.service.logs().items():
            if "Traceback" in text:
                findings.note("a process was surprised", f"{name}: {text[text.index('Traceback') :][:2_000]}")
        self._report(fault, findings)
        assert not findings.mistakes, findings.report()
        return calls
