"""The triggers behind slugs, answered from memory.

What a request was judged by is written with it only if the workflow's version is still the same (see
`app.store.hot.receive_scripts`), so memory can be old and nobody is received by what was.
"""

from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import select

from app.inbound.environment import read_values
from app.rules.filters import INBOUND, Filter
from app.rules.manifest import Manifest, TriggerSpec
from app.store.database import Tx
from app.store.models import Deployment, Trigger, Workflow
from app.wiring import Wiring

# Triggers that stay in memory; the one that was asked for longest ago goes first.
MOST_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Address:
    """A trigger that takes requests. `secrets` are what its `verify` names, newest first."""

    workspace_id: str
    workflow_id: str
    workflow_name: str
    workflow_version: int
    deployment_id: str
    trigger_id: str
    slug: str
    spec: TriggerSpec
    filter: Filter | None
    secrets: tuple[str, ...]


class AddressBook:
    """The addresses that this process has been asked for."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._known: OrderedDict[str, Address] = OrderedDict()

    async def find(self, slug: str, *, unlike: int | None = None) -> Address | None:
        """Return the trigger of a slug, of another workflow version than `unlike`; None if nothing takes requests.

        Raises:
            Unavailable: the database is away.
        """
        known = self._known.get(slug)
        if known is not None and known.workflow_version != unlike:
            self._known.move_to_end(slug)
            return known
        self._known.pop(slug, None)
        async with self._wiring.database.read() as tx:
            found = await read_address(tx, slug, wiring=self._wiring)
        if found is not None:
            self._known[slug] = found
            if len(self._known) > MOST_ADDRESSES:
                self._known.popitem(last=False)
        return found


async def read_address(tx: Tx, slug: str, *, wiring: Wiring) -> Address | None:
    """Return the trigger of a slug as it is now."""
    row = (
        await tx.execute(
            select(Trigger, Workflow, Deployment)
            .join(Workflow, Workflow.id == Trigger.workflow_id)
            .join(Deployment, Deployment.id == Workflow.active_deployment_id)
            .where(
                Trigger.slug == slug,
                Trigger.type == "webhook",
                Trigger.deleted_at.is_(None),
                Workflow.enabled,
                Workflow.deleted_at.is_(None),
            )
        )
    ).one_or_none()
    if row is None:
        return None
    trigger, workflow, deployment = row
    spec = TriggerSpec.model_validate(trigger.spec)
    secrets: tuple[str, ...] = ()
    if spec.verify is not None:
        values = await read_values(tx, workflow.id, wiring=wiring)
        manifest = Manifest.model_validate(deployment.manifest)
        written = next((v.value for v in manifest.vars if v.name == spec.verify.secret), None)
        value = values.get(spec.verify.secret, written)
        secrets = () if not value else (value,)
    return Address(
        workspace_id=trigger.workspace_id,
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        workflow_version=workflow.version,
        deployment_id=deployment.id,
        trigger_id=trigger.id,
        slug=slug,
        spec=spec,
        filter=None if spec.filter is None else Filter.compile(spec.filter, variables=INBOUND),
        secrets=secrets,
    )
