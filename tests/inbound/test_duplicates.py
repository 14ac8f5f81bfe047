"""Of requests with one key the first counts for a day, also when they come at the same moment."""

import asyncio
from datetime import datetime, timedelta

from app.rules.ids import make_id
from app.store.hot.session_rows import NewRequest, Receipt
from tests.inbound.deployed import deploy_files
from tests.inbound.test_retention import MANIFEST
from tests.outbound.sites import Site
from tests.store.session_rows import publish_nothing


async def keyed_receipt(site: Site, *, key: str = "k", at: datetime | None = None) -> Receipt:
    deployed = await deploy_files(site, {"aetherflow.yaml": MANIFEST, "program.py": "def handle(event): ..."})
    workflow = deployed.workflow
    assert workflow is not None
    request = NewRequest(
        id=make_id("req", site.wiring.chance.uuid7()),
        workspace_id=site.workspace_id,
        workflow_id=workflow.id,
        trigger_id=deployed.triggers[0].id,
        method="POST",
        raw_url="/webhooks/x",
        suffix="",
        headers=b"[]",
        body=b"",
        received_at=at or site.wiring.clock(),
        peer=None,
        reason=None,
        session_id=None,
        dedupe_key=key,
    )
    return Receipt(request, None, workflow.version)


async def receive(site: Site, receipt: Receipt) -> bool:
    written, _ = await site.database.sessions.receive(
        [receipt], judge=lambda *_: False, publish=publish_nothing
    )
    return receipt.request.id in written


async def test_of_many_at_the_same_moment_one_is_the_first(site: Site) -> None:
    receipts = [await keyed_receipt(site) for _ in range(8)]
    written = await asyncio.gather(*(receive(site, receipt) for receipt in receipts))
    assert sum(written) == 1


async def test_of_two_in_one_commit_one_is_the_first(site: Site) -> None:
    receipts = [await keyed_receipt(site), await keyed_receipt(site), await keyed_receipt(site, key="other")]
    written, _ = await site.database.sessions.receive(
        receipts, judge=lambda *_: False, publish=publish_nothing
    )
    assert written == {receipts[0].request.id, receipts[2].request.id}


async def test_after_a_day_a_key_is_new_again(site: Site) -> None:
    start = site.wiring.clock()
    assert await receive(site, await keyed_receipt(site, at=start))
    assert not await receive(site, await keyed_receipt(site, at=start + timedelta(hours=23, minutes=59)))
    assert await receive(site, await keyed_receipt(site, at=start + timedelta(hours=24)))
    assert not await receive(site, await keyed_receipt(site, at=start + timedelta(hours=47)))
