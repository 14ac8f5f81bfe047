"""Requests of the past, received once more."""

import msgspec
from sqlalchemy import select

from app.errors import Conflict, Invalid, Problem
from app.inbound.addresses import Address
from app.inbound.receive import fits, judge
from app.inbound.sessions import add_session, wake
from app.inbound.workflows import find_deployment, find_startable
from app.rules.filters import INBOUND, Filter
from app.rules.ids import make_id
from app.rules.manifest import Manifest, TriggerSpec
from app.store.database import Tx
from app.store.hot.session_rows import NewRequest, read_row
from app.store.models import (
    Arrival,
    Deployment,
    ReceivedRequest,
    Session,
    Trigger,
    TriggerSubscription,
    Workflow,
)
from app.wiring import Wiring


async def redispatch(
    tx: Tx, request: ReceivedRequest, *, deployment_id: str | None, wiring: Wiring
) -> tuple[NewRequest, Session | None]:
    """Receive a request again, by the rules of the active deployment or of the one that is named.

    There is no caller to be answered any more, so the session is asynchronous. Sessions that wait for requests of
    the trigger get this one as well.

    Raises:
        Conflict: no session of the workflow can be started now, or the trigger is gone.
        NotFound: there is no such deployment.
        Invalid: the deployment has no such trigger.
    """
    workflow, active = await find_startable(tx, request.workflow_id)
    trigger = await tx.get_one(Trigger, request.trigger_id)
    if deployment_id is None:
        if trigger.deleted_at is not None:
            raise Conflict("The active deployment has no such trigger any more.")
        deployment, spec = active, TriggerSpec.model_validate(trigger.spec)
    else:
        deployment = await find_deployment(tx, workflow.id, deployment_id)
        spec = find_spec(deployment, trigger.name)
    again = copy_of(request, wiring=wiring)
    again.reason = judge(address_of(workflow, deployment, trigger, spec), again)
    session = None
    if again.reason is None and spec.call is not None:
        session = add_session(
            tx,
            deployment,
            call=spec.call,
            given=None,
            trigger_id=trigger.id,
            request_id=again.id,
            is_durable=spec.is_durable,
            wiring=wiring,
        )
        again.session_id = session.id
        tx.hint_sessions_due()
    tx.add(ReceivedRequest(**{name: getattr(again, name) for name in NewRequest.__struct_fields__}))
    await hand_out(tx, again)
    return again, session


def find_spec(deployment: Deployment, name: str) -> TriggerSpec:
    """Return a trigger as a deployment has it.

    Raises:
        Invalid: it has none of this name.
    """
    triggers = Manifest.model_validate(deployment.manifest).triggers
    spec = next((spec for spec in triggers if spec.name == name and spec.type == "webhook"), None)
    if spec is None:
        raise Invalid(
            "The deployment cannot take the request.",
            problems=[Problem("/deployment_id", f"has no trigger {name}")],
        )
    return spec


def copy_of(request: ReceivedRequest, *, wiring: Wiring) -> NewRequest:
    """Return a request as if it came now."""
    return msgspec.structs.replace(
        read_row(NewRequest, request),
        id=make_id("req", wiring.chance.uuid7()),
        received_at=wiring.clock(),
        reason=None,
        session_id=None,
        redispatch_of=request.id,
        dedupe_key=None,
    )


def address_of(workflow: Workflow, deployment: Deployment, trigger: Trigger, spec: TriggerSpec) -> Address:
    """Return what the request is judged by. Whether it is genuine was found out when it came."""
    return Address(
        workspace_id=workflow.workspace_id,
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        workflow_version=workflow.version,
        deployment_id=deployment.id,
        trigger_id=trigger.id,
        slug=trigger.slug,
        spec=spec,
        filter=None if spec.filter is None else Filter.compile(spec.filter, variables=INBOUND),
        secrets=(),
    )


async def hand_out(tx: Tx, request: NewRequest) -> None:
    """Give a request to the subscriptions that it fits, and wake whoever waits for it."""
    rows = await tx.scalars(
        select(TriggerSubscription).where(TriggerSubscription.trigger_id == request.trigger_id)
    )
    fitting = [row for row in rows if fits(request, row.filter)]
    tx.add_all(Arrival(subscription_id=row.id, request_id=request.id) for row in fitting)
    # In the order of their ids, as everybody locks sessions.
    for session_id in sorted({row.session_id for row in fitting}):
        await wake(tx, session_id, now=request.received_at)
        tx.hint_woken(session_id)
        tx.hint_sessions_due()
