"""The billing profile, and the payment provider that keeps it up to date."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import Admin, Reader
from app.api.bodies import parse_body, read_bytes
from app.api.deploying import base_of
from app.api.description import describe
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.billing import BillingChange, BillingShown, PaymentsInput, PaymentsShown
from app.api.transactions import Parts, ReadTx, WriteTx
from app.workspaces import billing, payments

router = APIRouter(tags=["billing"])


@router.get("/billing")
async def read_billing(request: Request, caller: Reader, tx: ReadTx) -> BillingShown:
    """Show the billing profile. A new workspace has the plan `free`, the status `active`, and nothing else."""
    read_parameters(request, NoParameters)
    return BillingShown.of(await billing.read(tx, caller.workspace_id))


@router.patch("/billing", openapi_extra=describe(body=BillingChange))
async def change_billing(request: Request, caller: Admin, parts: Parts) -> BillingShown:
    """Replace fields of the billing profile. `billing.updated` tells what changed, if anything did."""
    read_parameters(request, NoParameters)
    given = parse_body(BillingChange, await read_bytes(request))
    members = {name: getattr(given, name) for name in given.model_fields_set}
    async with parts.database.write() as tx:
        account = await billing.change(tx, members, workspace_id=caller.workspace_id, wiring=parts)
        return BillingShown.of(account)


@router.get("/billing/payments")
async def read_payments(request: Request, caller: Reader, tx: ReadTx, parts: Parts) -> PaymentsShown:
    """Show the connected payment provider."""
    read_parameters(request, NoParameters)
    found = await payments.find(tx, caller.workspace_id)
    return PaymentsShown.of(found, base_of(request, parts))


@router.put("/billing/payments", openapi_extra=describe(body=PaymentsInput))
async def connect_payments(request: Request, caller: Admin, parts: Parts) -> PaymentsShown:
    """Connect a payment provider, or give the connected one another secret; the URL stays the same then.

    The provider's signed webhooks to that URL keep plan, status, e-mail, company, address, tax id and currency up to
    date. Of two that speak of the same field the newer one counts, in whichever order they come.
    """
    read_parameters(request, NoParameters)
    given = parse_body(PaymentsInput, await read_bytes(request))
    async with parts.database.write() as tx:
        connected = await payments.connect(
            tx,
            given.provider,
            given.secret,
            customer=given.customer,
            workspace_id=caller.workspace_id,
            wiring=parts,
        )
        return PaymentsShown.of(connected, base_of(request, parts))


@router.delete("/billing/payments", status_code=204, response_class=Response)
async def disconnect_payments(request: Request, caller: Admin, tx: WriteTx) -> None:
    """Disconnect the payment provider: its URL is answered 404 from now on. The profile stays as it is."""
    read_parameters(request, NoParameters)
    await payments.disconnect(tx, caller.workspace_id)
