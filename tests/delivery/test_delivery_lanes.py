"""A lane: how much it holds and sends, and what it does when its endpoint can take less."""

from datetime import UTC, datetime

from app.rules.lifecycle import ResultClass
from app.store.hot.contract import Work
from delivery.lanes import MOST_WAITING, WAITING_PER_PLACE, Lane

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def work(number: int) -> Work:
    return Work("ws_1", f"dlv_{number}", "evt_1", "a.b", "ep_1", b"{}", 1, False, False, 0, 7, NOW)


def known_lane(concurrency: int | None = None, *, waiting: int = 0) -> Lane:
    lane = Lane("ep_1")
    lane.follow(concurrency)
    lane.waiting.extend(work(number) for number in range(waiting))
    return lane


def may_send(lane: Lane) -> bool:
    """Ask anew: a type checker takes a property for what it was a moment ago."""
    return lane.may_send


def test_the_first_delivery_goes_alone_until_the_owners_limit_is_known() -> None:
    lane = Lane("ep_1")
    lane.waiting.extend(work(number) for number in range(3))
    lane.in_flight = 1
    assert not lane.may_send
    lane.follow(None)
    assert may_send(lane)


def test_nothing_is_sent_from_an_empty_lane() -> None:
    assert not known_lane().may_send


def test_a_lane_sends_as_many_at_a_time_as_the_owner_chose() -> None:
    lane = known_lane(3, waiting=10)
    for in_flight, expected in ((0, True), (2, True), (3, False)):
        lane.in_flight = in_flight
        assert may_send(lane) is expected


def test_a_lane_holds_a_multiple_of_what_it_sends_and_no_more() -> None:
    lane = known_lane(2, waiting=10)
    assert lane.room == 2 * WAITING_PER_PLACE - 10
    assert known_lane(256, waiting=MOST_WAITING).room == 0


def test_a_limit_that_stays_the_same_keeps_what_was_learnt() -> None:
    lane = known_lane(waiting=1)
    lane.limit.record(ResultClass.TIMEOUT, work_waits=True)
    learnt = lane.limit.limit
    assert not lane.follow(None)
    assert lane.limit.limit == learnt < 16


def test_a_change_of_the_owners_limit_is_followed_and_told() -> None:
    lane = known_lane(4)
    assert lane.follow(9)
    assert lane.limit.limit == 9
    assert lane.follow(None)
    assert lane.limit.limit == 16


def test_what_a_fallen_limit_has_no_room_for_is_shed_the_newest_first() -> None:
    lane = known_lane(2, waiting=2 * WAITING_PER_PLACE)
    lane.follow(1)
    shed = lane.shed()
    assert [one.delivery_id for one in shed] == [f"dlv_{n}" for n in range(63, 31, -1)]
    assert (lane.room, len(lane.waiting)) == (0, WAITING_PER_PLACE)
    assert lane.waiting[0].delivery_id == "dlv_0"
    assert lane.shed() == []


def test_more_is_wanted_before_the_lane_runs_dry_and_only_if_there_may_be_more() -> None:
    for waiting, backlog, expected in ((2, False, False), (2, True, True), (3, True, False)):
        lane = known_lane(2, waiting=waiting)
        lane.backlog = backlog
        assert lane.wants_more is expected


def test_a_lane_can_be_forgotten_only_when_nothing_is_or_may_be_in_it() -> None:
    assert known_lane().idle
    assert not known_lane(waiting=1).idle
    for name, value in (("in_flight", 1), ("backlog", True)):
        lane = known_lane()
        setattr(lane, name, value)
        assert not lane.idle
