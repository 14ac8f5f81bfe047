"""The tables. Importing this package registers all of them with `Row.metadata`."""

from app.store.models.base import Row
from app.store.models.billing import BillingProfile
from app.store.models.endpoints import Endpoint, EndpointSecret
from app.store.models.events import Attempt, Delivery, Event
from app.store.models.integrations import Integration
from app.store.models.members import Invitation, Member
from app.store.models.requests import Arrival, FinalOutcome, ReceivedRequest, TriggerSubscription
from app.store.models.sessions import JournalEntry, LogEntry, Session, Signal, Step
from app.store.models.workflows import (
    Deployment,
    DeploymentFile,
    StoredValue,
    Trigger,
    Workflow,
    WorkflowVar,
)
from app.store.models.workspaces import ApiKey, IdempotentAnswer, Workspace

__all__ = [
    "ApiKey",
    "Arrival",
    "Attempt",
    "BillingProfile",
    "Delivery",
    "Deployment",
    "DeploymentFile",
    "Endpoint",
    "EndpointSecret",
    "Event",
    "FinalOutcome",
    "IdempotentAnswer",
    "Integration",
    "Invitation",
    "JournalEntry",
    "LogEntry",
    "Member",
    "ReceivedRequest",
    "Row",
    "Session",
    "Signal",
    "Step",
    "StoredValue",
    "Trigger",
    "TriggerSubscription",
    "Workflow",
    "WorkflowVar",
    "Workspace",
]
