"""`python -m docs.capture`: runs the service in a temporary folder, makes it publish each type, keeps what arrives."""

import asyncio
from typing import Any

from docs.generate import captured
from tests.processes import temporary_folder
from tests.producing import PRODUCERS, body_of, open_site
from tests.services import Service, embedded


async def capture(service: Service) -> dict[str, dict[str, Any]]:
    """Return the body of one event of each type, each from a workspace of its own."""
    bodies = {}
    for event_type, produce in PRODUCERS.items():
        async with open_site(service) as site:
            await produce(site)
            bodies[event_type] = body_of(await site.take(event_type))
    return bodies


if __name__ == "__main__":
    with temporary_folder() as folder, embedded(folder) as service:
        captured.write(asyncio.run(capture(service)))
