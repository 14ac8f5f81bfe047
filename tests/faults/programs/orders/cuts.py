"""Where a session is when its process is killed: it says so with a file, and waits there to be killed."""

import threading
from pathlib import Path
from typing import Any

# Looks and waits in ways that a durable session does not record.
PAUSE_SECONDS = 0.01


class Cut:
    """The one place where the process of this session is to be killed, the first time that it comes there.

    `before` waits for the kill; `during` goes on at the moment when the kill is under way.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.folder = Path(order["folder"])
        self.id = order["id"]
        self.place = order.get("place")
        self.how = order.get("how")

    def come_to(self, place: str) -> None:
        """Be killed here, if this is the place."""
        arrived = self.folder / f"{self.id}.arrived"
        if place != self.place or arrived.exists():
            return
        arrived.touch()
        wait_for(self.folder / "go")
        if self.how == "before":
            threading.Event().wait()

    def write(self, line: str) -> None:
        """Add a line to what this session has done outside."""
        with (self.folder / f"{self.id}.lines").open("a") as file:
            file.write(f"{line}\n")


def wait_for(path: Path) -> None:
    pause = threading.Event()
    while not path.exists():
        pause.wait(PAUSE_SECONDS)
