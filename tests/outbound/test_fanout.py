"""The table of who gets what: read once, and of bounded size whatever callers name."""

import pytest

from app.outbound import fanout
from app.outbound.fanout import Fanout, FanoutTable
from app.rules.event_types import Subscription
from tests.outbound.sites import Site


async def test_a_table_holds_the_enabled_endpoints_and_the_version_they_belong_to(site: Site) -> None:
    first, second = await site.register(events=["order.*"]), await site.register()
    await site.register(enabled=False)
    table = await Fanout(site.database).read(site.workspace_id)
    assert table.version == 3
    assert table.receivers("order.placed") == (first, second)
    assert table.receivers("invoice.paid") == (second,)


async def test_a_workspace_without_endpoints_has_an_empty_table(site: Site) -> None:
    table = await Fanout(site.database).read(site.workspace_id)
    assert (table.version, table.receivers("order.placed")) == (0, ())


async def test_a_table_is_remembered_until_it_is_read_again(site: Site) -> None:
    tables = Fanout(site.database)
    assert tables.known(site.workspace_id) is None
    first = await tables.read(site.workspace_id)
    assert tables.known(site.workspace_id) is first
    await site.register()
    assert tables.known(site.workspace_id) is first
    second = await tables.read(site.workspace_id)
    assert tables.known(site.workspace_id) is second
    assert second.version == first.version + 1


async def test_no_more_tables_are_kept_than_there_is_room_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "MOST_TABLES", 3)
    tables = Fanout(site.database)
    sites = [Site(site.wiring, site.queue) for _ in range(5)]
    for other in sites:
        await other.add_workspace()
        await tables.read(other.workspace_id)
    known = [tables.known(other.workspace_id) is not None for other in sites]
    assert known == [False, False, True, True, True]
    # What is read again is the newest.
    await tables.read(sites[2].workspace_id)
    await tables.read(site.workspace_id)
    assert tables.known(sites[2].workspace_id) is not None
    assert tables.known(sites[3].workspace_id) is None


def test_a_table_remembers_no_more_types_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "MOST_TYPES", 10)
    table = FanoutTable(1, [("ep_1", Subscription.of(["order.*"])), ("ep_2", Subscription.of(None))])
    for number in range(100):
        assert table.receivers(f"order.number_{number}") == ("ep_1", "ep_2")
        assert table.receivers(f"invoice.number_{number}") == ("ep_2",)
        assert len(table._known) <= 10
