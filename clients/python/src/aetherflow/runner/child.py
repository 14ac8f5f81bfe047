"""A process that performs sessions of one deployment, one after the other, until the service closes the channel."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import nullcontext
from typing import Any

from aetherflow.binding import bind
from aetherflow.errors import SessionStopped
from aetherflow.events import Event, read_event
from aetherflow.runner.channel import Channel
from aetherflow.runner.journal import Journal
from aetherflow.runner.prints import Prints, drop
from aetherflow.runner.program import call_handler, explain, load_handler
from aetherflow.runner.session import DurableSession, PlainSession


class Child:
    """The performing end of a channel."""

    def __init__(self, channel: Channel, folder: str, environment: dict[str, str]) -> None:
        self._channel = channel
        self._folder = folder
        self._environment = environment
        self._prints = Prints()
        sys.stdout = sys.stderr = self._prints  # type: ignore[assignment]

    def serve(self) -> None:
        """Perform what comes. Returns when the service is gone."""
        while True:
            try:
                message = self._channel.receive()
            except (EOFError, OSError):
                return
            # The last session may have changed them.
            if os.environ != self._environment:
                os.environ.clear()
                os.environ.update(self._environment)
            os.chdir(self._folder)
            end = self._perform(message["run"])
            self._prints.finish()
            # Threads that go on would print into the next session.
            self._channel.send({**end, "reusable": threading.active_count() == 1})

    def _perform(self, run: dict[str, Any]) -> dict[str, Any]:
        """Run a handler and return the message that says how it ended."""
        self._prints.begin(self._say_while_loading if run["first"] else drop)
        try:
            handler = load_handler(run["call"], self._folder)
            self._prints.finish()
            self._prints.begin(self._say, silent=run["prints"])
            return self._call(handler, run)
        except SessionStopped as stopped:
            return {"stopped": str(stopped)}
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the author are failures as well
            return {"failed": explain(error, self._folder)}
        finally:
            bind(None)

    def _call(self, handler: Any, run: dict[str, Any]) -> dict[str, Any]:
        session: DurableSession | PlainSession
        if run["durable"]:
            journal = Journal(self._channel, run["journal"], os.path.join(self._folder, ""), self._prints)
            session = DurableSession(self._channel, run["session_id"], journal)
            patched: Any = session.readings.installed()
        else:
            session = PlainSession(self._channel, run["session_id"])
            patched = nullcontext()
        bind(session)
        with patched:
            returned = call_handler(handler, make_event(run), run["session_id"])
        return as_end(returned)

    def _say(self, line: str) -> None:
        self._channel.send({"print": line})

    def _say_while_loading(self, line: str) -> None:
        # Told apart, because a session that runs again, in a process that has loaded the program, does not come by it.
        self._channel.send({"print": line, "loading": True})


def make_event(run: dict[str, Any]) -> Event:
    """Return what the handler is called with: a request, or the data that somebody started the session with."""
    event = run["event"]
    if "raw_url" in event:
        return read_event(event, run["session_id"])
    return Event(event["event_type"], event["event_id"], event["data"], run["session_id"])


def as_end(returned: Any) -> dict[str, Any]:
    """Return the message of a handler that has ended; what JSON cannot hold is only named."""
    try:
        text = json.dumps(returned, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return {"ended": None, "unfit": f"{type(returned).__name__}: {error}"}
    return {"ended": None if returned is None else text}
