"""Work that no request starts: every minute, and at nine on workdays."""

import datetime
from zoneinfo import ZoneInfo

from aetherflow import Event, add_values, emit, get_value, set_value


def beat(event: Event) -> None:
    """Count. `event.event_type` is `tick`, and there is no body."""
    print(f"{event.event_type} {add_values('beats', 1)}")


def report(event: Event) -> None:
    """Publish how many there were since the last report, and begin at zero."""
    beats = get_value("beats") or 0
    add_values("beats", -beats)
    # Through the module, so that a durable session records the reading.
    day = datetime.datetime.now(ZoneInfo("Europe/Vienna")).date().isoformat()
    set_value("last_report", day)
    emit("heartbeat.reported", {"heartbeat": {"day": day, "beats": beats}})


def show_status(event: Event) -> dict[str, object]:
    """Answer with the number of beats since the last report."""
    return {"beats": get_value("beats") or 0, "last_report": get_value("last_report")}
