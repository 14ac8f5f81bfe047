"""Rounds: every integration in use is looked at from time to time, by whichever process comes first.

`check_due_at` is a lease. Whoever takes up a check moves it on by some minutes; if it dies, another one comes then.
"""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import select

from app.errors import Unavailable
from app.integrations.checks import CHECK_SECONDS, check
from app.store.models import Integration
from app.wiring import Wiring

# Checks in one round, and how many of them go on at the same time: silent services must not hold up all others.
MOST_CHECKS = 64
AT_ONCE = 16

# Several times what a round takes at most.
LEASE = timedelta(seconds=3 * CHECK_SECONDS * MOST_CHECKS / AT_ONCE)

log = structlog.get_logger()


async def check_due(wiring: Wiring) -> int:
    """Check the integrations whose time has come; returns how many there were."""
    due = await claim_due(wiring)
    places = asyncio.Semaphore(AT_ONCE)

    async def check_one(integration: Integration) -> None:
        async with places:
            try:
                await check(integration, wiring=wiring)
            except Unavailable:
                # Its lease lapses, and it is checked then.
                return
            except Exception:
                log.exception("integration_not_checked", integration=integration.id)

    await asyncio.gather(*(check_one(integration) for integration in due))
    return len(due)


async def claim_due(wiring: Wiring) -> list[Integration]:
    """Take up checks that are due."""
    now = wiring.clock()
    due = (
        select(Integration)
        .where(Integration.check_due_at <= now, Integration.deleted_at.is_(None))
        .order_by(Integration.check_due_at)
        .limit(MOST_CHECKS)
    )
    async with wiring.database.read() as tx:
        # Looking costs less than writing.
        if await tx.scalar(due.limit(1)) is None:
            return []
    async with wiring.database.write() as tx:
        rows = list(await tx.scalars(due.with_for_update(skip_locked=True)))
        for integration in rows:
            integration.check_due_at = now + LEASE
    return rows
