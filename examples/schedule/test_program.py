from aetherflow import Event
from aetherflow.testing import run
from program import beat, report, show_status

TICK = Event("tick", "ses_1", {})


def test_each_tick_is_counted() -> None:
    assert run(beat, TICK, values={"beats": 4}).values == {"beats": 5}


def test_a_report_publishes_the_count_and_begins_again() -> None:
    result = run(report, TICK, values={"beats": 5}, is_durable=True)
    ((event_type, data),) = result.emitted
    assert event_type == "heartbeat.reported"
    assert data["heartbeat"]["beats"] == 5
    assert result.values == {"beats": 0, "last_report": data["heartbeat"]["day"]}


def test_the_status_is_answered_before_the_first_tick_too() -> None:
    assert run(show_status).response.json() == {"beats": 0, "last_report": None}
