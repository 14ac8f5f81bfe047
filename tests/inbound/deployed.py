"""Deploying and reading back, as tests of verbs do it."""

import dataclasses
from datetime import datetime

from sqlalchemy import select

from app.inbound.deploy import Deployed, deploy
from app.inbound.drafts import draft_deployment
from app.store.models import Session
from app.wiring import Wiring
from tests.outbound.sites import Site


async def deploy_files(site: Site, files: dict[str, str], *, wiring: Wiring | None = None) -> Deployed:
    """Deploy text files into the site's workspace."""
    draft = draft_deployment({path: text.encode() for path, text in files.items()}, most_body_bytes=524_288)
    async with site.database.write() as tx:
        return await deploy(
            tx, draft, workspace_id=site.workspace_id, wiring=wiring or site.wiring, dry_run=False
        )


def at(site: Site, moment: datetime) -> Wiring:
    """Return the site's parts at another time."""
    return dataclasses.replace(site.wiring, clock=lambda: moment)


async def sessions_of(site: Site) -> list[Session]:
    async with site.database.read() as tx:
        return list(await tx.scalars(select(Session).order_by(Session.id)))
