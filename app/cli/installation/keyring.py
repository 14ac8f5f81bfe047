"""`aetherflow keyring`: the keys that seal secrets at rest."""

from typing import Annotated

import typer

from app.cli.event_loop import run
from app.cli.output import Output, print_json

group = typer.Typer(
    name="keyring", help="Make and rotate the keys that seal secrets at rest.", no_args_is_help=True
)


@group.command()
def new(
    key_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id in the ring; by default a random one.")
    ] = None,
) -> None:
    """Print a new entry for AETHERFLOW_KEYRING.

    Keep it safe: without it the secrets in the database cannot be read. To rotate, put it before the entries that
    are there, restart every process, and run `aetherflow keyring rewrap`.
    """
    import os
    import re

    from app.store.sealing import KEY_BYTES, new_entry

    chosen = f"k{os.urandom(4).hex()}" if key_id is None else key_id
    if re.fullmatch(r"[A-Za-z0-9_-]{1,32}", chosen) is None:
        raise typer.BadParameter("has 1 to 32 of A-Z, a-z, 0-9, _ and -", param_hint="--id")
    print(new_entry(os.urandom(KEY_BYTES), chosen))


@group.command()
def rewrap(output: Output = "table") -> None:
    """Seal every secret again under the first entry of the keyring.

    It may be stopped and run again at any time. Afterwards the other entries are no longer needed.
    """
    count = run(rewrap_all())
    if output == "json":
        print_json({"rewrapped": count})
    else:
        print(
            f"Sealed {count} {'value' if count == 1 else 'values'} again; the first entry opens everything now."
        )


async def rewrap_all() -> int:
    """Return how many values were sealed again."""
    from app.cli.installation.direct import open_database
    from app.store.sealed_rows import rewrap

    async with open_database() as wiring:
        return await rewrap(wiring.database, wiring.keyring)
