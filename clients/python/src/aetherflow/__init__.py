"""AetherFlow for Python: write workflows, verify deliveries, talk to the API.

What a handler calls is here; `aetherflow.testing` runs handlers in unit tests, and
`aetherflow.webhooks` is for applications that receive deliveries or publish events.

Everything below this package runs on Python 3.9 and later and needs nothing but the standard
library, because it is installed into other people's applications. Importing the package itself is
quick, because every process that runs handlers does so: what is slow to import is imported where it
is needed.
"""

from aetherflow.activities import activity, inhibit_activities, register_no_activity
from aetherflow.children import start
from aetherflow.data import Data
from aetherflow.errors import AetherFlowError, IntegrationError, SessionStopped
from aetherflow.events import Event
from aetherflow.integrations import Integration, IntegrationResponse, integration
from aetherflow.outcomes import custom_data, http_outcome, outcome, send_webhook_response
from aetherflow.publishing import emit
from aetherflow.steps import step
from aetherflow.triggers import get_webhook_url
from aetherflow.values import (
    add_values,
    check_and_set_value,
    del_value,
    get_value,
    list_values_keys,
    set_value,
    store,
)
from aetherflow.waiting import Signal, next_event, next_signal, signal, sleep, subscribe, unsubscribe

__version__ = "0.1.0"

__all__ = [
    "AetherFlowError",
    "Data",
    "Event",
    "Integration",
    "IntegrationError",
    "IntegrationResponse",
    "SessionStopped",
    "Signal",
    "activity",
    "add_values",
    "check_and_set_value",
    "custom_data",
    "del_value",
    "emit",
    "get_value",
    "get_webhook_url",
    "http_outcome",
    "inhibit_activities",
    "integration",
    "list_values_keys",
    "next_event",
    "next_signal",
    "outcome",
    "register_no_activity",
    "send_webhook_response",
    "set_value",
    "signal",
    "sleep",
    "start",
    "step",
    "store",
    "subscribe",
    "unsubscribe",
]
