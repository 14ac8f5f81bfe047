"""`aetherflow bench`: the benchmarks of a checkout."""

import os
import sys
from pathlib import Path

import typer

from app.cli.failures import Failure


def bench(context: typer.Context) -> None:
    """Run the benchmarks, which are part of the source tree; what follows is handed on to them."""
    import app

    checkout = Path(app.__file__).parent.parent
    if not (checkout / "bench" / "__main__.py").exists():
        raise Failure(
            "the benchmarks are not installed with the service; run `make bench` in a checkout of its source."
        )
    os.chdir(checkout)
    # Nothing is left of this process, so signals and the exit status are the benchmarks' own.
    os.execv(sys.executable, [sys.executable, "-m", "bench", *context.args])  # noqa: S606 - no shell is wanted


COMMANDS = (bench,)
