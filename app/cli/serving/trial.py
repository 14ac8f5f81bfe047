"""Commands that try the service out: dev, demo."""

import os

from app.cli.event_loop import run
from app.cli.output import Output
from app.cli.serving.commands import Host, Port, end_on_signals, given


def dev(host: Host = None, port: Port = None, output: Output = "table") -> None:
    """Run everything in one process, ready to be tried out, with the data in ./.aetherflow.

    Prints an API key, and delivers one signed event to a receiver of its own before it says that it is ready.
    Endpoints may be on this machine and use plain http.
    """
    end_on_signals()
    from app.cli.serving.dev import run_dev

    run(run_dev(given(host=host, port=port), output=output))


def demo() -> None:
    """Go the whole path once, in a temporary folder: publish, deliver, receive, verify."""
    from app.cli.serving.demo import run_demo

    # The demo is the same everywhere, and must not touch what the settings of this machine name.
    for variable in [name for name in os.environ if name.upper().startswith("AETHERFLOW_")]:
        del os.environ[variable]
    run(run_demo())


COMMANDS = (dev, demo)
