"""A process that performs sessions of one deployment, one after the other, until the service closes the channel."""

from __future__ import annotations

import json
import os
import signal
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

# What a handler returns stands in the session's row and may be sent as its answer, which has the same limit.
LARGEST_RESULT_CHARACTERS = 6 * 1024 * 1024


class Child:
    """The performing end of a channel."""

    def __init__(self, channel: Channel, folder: str, environment: dict[str, str]) -> None:
        self._channel = channel
        self._folder = folder
        self._environment = environment
        self._prints = Prints()
        self._path = list(sys.path)
        self._pid = os.getpid()
        os.register_at_fork(after_in_child=self._leave_session)

    def serve(self) -> None:
        """Perform what comes. Returns when the service is gone."""
        while True:
            try:
                message = self._channel.receive()
            except (EOFError, OSError):
                return
            self._tidy_up()
            end = self._perform(message["run"])
            if os.getpid() != self._pid:
                # A copy that the author forked has come to its end as well.
                os._exit(1 if "failed" in end else 0)
            self._prints.finish()
            # Threads and processes that go on would do so in the next session.
            is_alone = threading.active_count() == 1 and not has_children()
            self._channel.send({**end, "reusable": is_alone})

    def _tidy_up(self) -> None:
        """Put right what the last session may have changed."""
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        sys.path[:] = self._path
        sys.stdout = sys.stderr = self._prints  # type: ignore[assignment]
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.chdir(self._folder)

    def _leave_session(self) -> None:
        """Leave the session, and its channel, to the process that was forked from: two cannot speak there."""
        self._channel.close()
        self._prints.silence()
        bind(None)

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
        session.check_end()
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
    name = type(returned).__name__
    try:
        text = json.dumps(returned, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return {"ended": None, "unfit": f"{name}: {error}"}
    if len(text) > LARGEST_RESULT_CHARACTERS:
        most = LARGEST_RESULT_CHARACTERS
        return {"ended": None, "unfit": f"{name}: has {len(text)} characters as JSON, and may have {most}"}
    return {"ended": None if returned is None else text}


def has_children() -> bool:
    """Whether what this process started still runs; what has ended is cleared away."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return False
    return True
