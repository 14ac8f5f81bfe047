"""Requests are counted when they are stored."""

from app.inbound.receive import Receiver
from app.outbound.announce import Announcer
from tests.inbound.test_duplicates import keyed_receipt
from tests.outbound.sites import Site


async def test_a_request_counts_once_however_often_it_comes(site: Site) -> None:
    receiver = Receiver(site.wiring, lambda _: None, Announcer(site.wiring))
    for _ in range(3):
        await receiver.receive(await keyed_receipt(site))
    registry = site.wiring.metrics.registry
    assert registry.get_sample_value("aetherflow_requests_total", {"started": "no"}) == 1
    assert registry.get_sample_value("aetherflow_requests_total", {"started": "yes"}) is None
