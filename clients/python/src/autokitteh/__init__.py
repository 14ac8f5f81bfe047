"""The names of AutoKitteh's Python SDK, so that programs written for it run unchanged.

Everything here is `aetherflow`'s own; new programs import that. The modules for other companies' services
(`autokitteh.slack` and such) are not here: `integration()` calls those.
"""

from aetherflow import (
    custom_data,
    emit,
    integration,
    send_webhook_response,
    sleep,
    step,
)
from autokitteh import errors, vendors
from autokitteh.activities import activity, inhibit_activities, register_no_activity
from autokitteh.attr_dict import AttrDict
from autokitteh.errors import AutoKittehError
from autokitteh.event import Event
from autokitteh.events import next_event, start, subscribe, unsubscribe
from autokitteh.outcomes import http_outcome, outcome
from autokitteh.signals import Signal, next_signal, signal
from autokitteh.store import (
    add_values,
    check_and_set_value,
    del_value,
    get_store_public_url,
    get_value,
    list_values_keys,
    mutate_value,
    publish_value,
    set_value,
    store,
    unpublish_value,
)
from autokitteh.triggers import get_webhook_url

__all__ = [
    "AttrDict",
    "AutoKittehError",
    "Event",
    "Signal",
    "activity",
    "add_values",
    "check_and_set_value",
    "custom_data",
    "del_value",
    "emit",
    "errors",
    "get_store_public_url",
    "get_value",
    "get_webhook_url",
    "http_outcome",
    "inhibit_activities",
    "integration",
    "list_values_keys",
    "mutate_value",
    "next_event",
    "next_signal",
    "outcome",
    "publish_value",
    "register_no_activity",
    "send_webhook_response",
    "set_value",
    "signal",
    "sleep",
    "start",
    "step",
    "store",
    "subscribe",
    "unpublish_value",
    "unsubscribe",
]

vendors.install()
