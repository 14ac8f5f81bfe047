"""What makes the service publish each event type of its own, from the public API or a trigger's URL alone.

    async with open_site(service) as site:
        expected = await PRODUCERS["workflow.completed"](site)
        delivery = await site.take("workflow.completed")

A producer returns members of `data` that the event must have.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.api.deployments import GZIP, pack
from tests.eventually import eventually
from tests.receivers import Receiver, Request, Visit, message, receiver
from tests.services import Service

PROGRAM = """
from aetherflow import custom_data, integration, step


def read_invoice(event):
    with step("Read the invoice"):
        invoice = dict(event.data.body.json)
    with step("File it"):
        custom_data(invoice_number=invoice["number"], amount=invoice["amount"], approved=True)


def book_invoice(event):
    with step("Read the invoice"):
        invoice = dict(event.data.body.json)
    with step("Book it"):
        integration("ledger").post("/entries", json=invoice)
"""

MANIFEST = """
version: v2
project:
  name: invoice_intake
triggers:
  - {name: invoice_received, webhook: {}, call: "program.py:read_invoice"}
  - {name: invoice_approved, webhook: {}, call: "program.py:book_invoice"}
  - {name: nightly, schedule: "0 3 * * *", call: "program.py:read_invoice"}
"""

FILES = {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}

INVOICE = {"number": "2026-0117", "amount": 249.5}

numbers = itertools.count(1)


@dataclass(slots=True)
class Ledger:
    """A service outside, which integrations connect to; it answers everything with `status`."""

    url: str = ""
    status: int = 200

    async def answer(self, visit: Visit) -> None:
        await visit.write(message(self.status))


@dataclass(slots=True)
class Site:
    """A workspace of its own with one endpoint, which subscribes to everything."""

    service: Service
    api: httpx2.AsyncClient
    there: Receiver
    ledger: Ledger
    secret: str
    workflow: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)

    async def take(self, event_type: str, *, count: int = 1) -> Request:
        """Return the last delivery of a type, once there are so many."""
        await eventually(
            lambda: len(self.deliveries(event_type)) >= count, what=f"{event_type} arrives {count} times"
        )
        return self.deliveries(event_type)[-1]

    def deliveries(self, event_type: str = "") -> list[Request]:
        """Return what has arrived, of all types or of one."""
        return [one for one in self.there.requests if event_type in ("", body_of(one)["event"])]

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """Send a request to the API and return its answer, which must be a success."""
        answer = await self.api.request(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def deploy(self, files: Mapping[str, str] = FILES) -> dict[str, Any]:
        """Deploy the workflow."""
        deployed: dict[str, Any] = await self.ask(
            "POST", "/workflows/deploy", content=pack(files), headers=GZIP
        )
        self.workflow = deployed["workflow"]
        self.triggers = {one["name"]: one["slug"] for one in deployed["triggers"]}
        return deployed

    async def call(self, trigger: str, **options: Any) -> httpx2.Response:
        """Send a request to a trigger of the workflow."""
        path = f"/webhooks/{self.triggers[trigger]}"
        return await asyncio.to_thread(self.service.http.post, path, **options)

    async def connect_ledger(self) -> dict[str, Any]:
        """Store an integration and connect it; returns what it is then."""
        members = {
            "name": "ledger",
            "kind": "http",
            "config": {"base_url": self.ledger.url, "auth": {"type": "bearer"}},
            "credentials": {"token": "of-the-ledger"},
        }
        made = await self.ask("POST", "/integrations", json=members)
        connected: dict[str, Any] = await self.ask("POST", f"/integrations/{made['id']}/connect")
        return connected


@contextlib.asynccontextmanager
async def open_site(service: Service) -> AsyncIterator[Site]:
    """Make a workspace with an endpoint, and a ledger outside."""
    ledger = Ledger()
    made = service.api.post("/workspaces", json={"name": f"site {next(numbers)}"}).raise_for_status().json()
    async with receiver() as there, receiver(ledger.answer) as outside:
        ledger.url = outside.url
        async with service.async_client(made["api_key"]) as api:
            endpoint = await api.post("/endpoints", json={"url": there.url})
            yield Site(service, api, there, ledger, endpoint.raise_for_status().json()["secret"])


def body_of(delivery: Request) -> dict[str, Any]:
    """Return the parsed body of a delivery."""
    body: dict[str, Any] = json.loads(delivery.body)
    return body


async def create_workflow(site: Site) -> dict[str, Any]:
    workflow = (await site.deploy())["workflow"]
    return {"workflow": {"id": workflow["id"], "name": "invoice_intake", "version": 1}}


async def update_workflow(site: Site) -> dict[str, Any]:
    await site.deploy()
    members = {"description": "Reads invoices and files them."}
    await site.ask("PATCH", f"/workflows/{site.workflow['id']}", json=members)
    return {
        "workflow": {"id": site.workflow["id"]},
        "changes": {"description": {"from": None, "to": members["description"]}},
    }


async def delete_workflow(site: Site) -> dict[str, Any]:
    await site.deploy()
    await site.ask("DELETE", f"/workflows/{site.workflow['id']}")
    return {"workflow": {"id": site.workflow["id"], "name": "invoice_intake"}}


async def execute_workflow(site: Site) -> dict[str, Any]:
    await site.deploy()
    answer = await site.call("invoice_received", json=INVOICE)
    execution = {"id": answer.headers["aetherflow-session-id"], "trigger": "invoice_received"}
    return {"workflow": {"id": site.workflow["id"], "status": "running"}, "execution": execution}


async def complete_workflow(site: Site) -> dict[str, Any]:
    await site.deploy()
    await site.call("invoice_received", json=INVOICE)
    return {
        "workflow": {"id": site.workflow["id"], "status": "completed"},
        "steps": [
            {"id": "step_1", "name": "Read the invoice", "status": "completed"},
            {"id": "step_2", "name": "File it", "status": "completed"},
        ],
        "custom_data": {"invoice_number": "2026-0117", "amount": 249.5, "approved": True},
    }


async def fail_workflow(site: Site) -> dict[str, Any]:
    await site.deploy()
    await site.connect_ledger()
    site.ledger.status = 503
    await site.call("invoice_approved", json=INVOICE)
    return {
        "workflow": {"id": site.workflow["id"], "status": "failed"},
        "error_details": {
            "step": "step_2",
            "integration": "ledger",
            "error_code": "HTTP_503",
            "retry_count": 3,
        },
    }


async def connect_integration(site: Site) -> dict[str, Any]:
    integration = await site.connect_ledger()
    return {
        "integration": {
            "id": integration["id"],
            "name": "ledger",
            "kind": "http",
            "status": "connected",
        }
    }


async def disconnect_integration(site: Site) -> dict[str, Any]:
    integration = await site.connect_ledger()
    await site.ask("POST", f"/integrations/{integration['id']}/disconnect")
    return {"integration": {"id": integration["id"], "status": "disconnected"}, "reason": "requested"}


async def break_integration(site: Site) -> dict[str, Any]:
    integration = await site.connect_ledger()
    site.ledger.status = 503
    await site.ask("POST", f"/integrations/{integration['id']}/check")
    return {
        "integration": {"id": integration["id"], "status": "error"},
        "error_details": {"error_code": "HTTP_503"},
    }


async def invite_user(site: Site) -> dict[str, Any]:
    invitation = {"email": "sam.okafor@example.com", "name": "Sam Okafor", "role": "developer"}
    await site.ask("POST", "/invitations", json=invitation)
    return {"user": invitation}


async def join_user(site: Site) -> dict[str, Any]:
    invitation = {"email": "sam.okafor@example.com", "role": "developer"}
    token = (await site.ask("POST", "/invitations", json=invitation))["token"]
    acceptance = {"name": "Sam Okafor", "password": "correct horse battery staple"}
    member = await site.ask("POST", f"/invitations/{token}/accept", json=acceptance)
    return {"user": {"id": member["id"], "name": "Sam Okafor", **invitation}}


async def change_billing(site: Site) -> dict[str, Any]:
    members = {"plan": "team", "company": "Northwind Paper", "tax_id": "GB123454821", "currency": "GBP"}
    await site.ask("PATCH", "/billing", json=members)
    return {
        "billing": {**members, "name": "Northwind Paper", "status": "active", "tax_id": "****4821"},
        "changes": {"plan": {"from": "free", "to": "team"}, "tax_id": {"from": None, "to": "****4821"}},
    }


async def disable_endpoint(site: Site) -> dict[str, Any]:
    # Another one than the site's own, since no endpoint is told of itself.
    endpoint = await site.ask("POST", "/endpoints", json={"url": "http://127.0.0.1:9/hooks"})
    await site.ask("POST", f"/endpoints/{endpoint['id']}/disable")
    return {"endpoint": {"id": endpoint["id"], "enabled": False, "disabled_reason": "manual"}}


async def enable_endpoint(site: Site) -> dict[str, Any]:
    disabled = await disable_endpoint(site)
    endpoint_id = disabled["endpoint"]["id"]
    await site.ask("POST", f"/endpoints/{endpoint_id}/enable")
    return {"endpoint": {"id": endpoint_id, "enabled": True, "disabled_reason": None}}


PRODUCERS: Mapping[str, Callable[[Site], Awaitable[dict[str, Any]]]] = {
    "workflow.created": create_workflow,
    "workflow.updated": update_workflow,
    "workflow.deleted": delete_workflow,
    "workflow.executed": execute_workflow,
    "workflow.completed": complete_workflow,
    "workflow.failed": fail_workflow,
    "integration.connected": connect_integration,
    "integration.disconnected": disconnect_integration,
    "integration.error": break_integration,
    "user.invited": invite_user,
    "user.joined": join_user,
    "billing.updated": change_billing,
    "endpoint.disabled": disable_endpoint,
    "endpoint.enabled": enable_endpoint,
}
