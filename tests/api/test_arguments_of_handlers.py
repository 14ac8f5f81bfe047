"""What handlers ask for with texts that no database can hold: refused in the handler, and no harm to others."""

import json

import httpx2
import pytest

from tests.api.deployments import Sample
from tests.services import Service

PROGRAM = r"""
from aetherflow import *

CASES = {
    "memo": lambda text: start("program.py:nothing", memo={"deep": [{text: 1}]}),
    "call": lambda text: start("program.py:nothing" + text),
    "project": lambda text: start("program.py:nothing", project=text),
    "signal": lambda text: signal("ses_1", text, 1),
    "signalled session": lambda text: signal(text, "name", 1),
    "awaited signal": lambda text: next_signal([text], timeout=0),
    "key": lambda text: set_value(text, 1),
    "trigger": lambda text: subscribe(text),
    "filter": lambda text: subscribe("quick", f"data.x == '{text}'"),
    "subscription": lambda text: next_event(text, timeout=0),
    "ended subscription": lambda text: unsubscribe(text),
}

KEPT = {
    "value": lambda text: set_value("key", {text: text}) or get_value("key") == {text: text},
    "data": lambda text: start("program.py:nothing", {text: text}),
    "payload": lambda text: signal(start("program.py:wait"), "name", {text: text}),
    "custom data": lambda text: custom_data(**{"name": text}),
    "outcome": lambda text: outcome({text: text}),
    "print": lambda text: print(text),
    "step": lambda text: step(text)(lambda: 1)(),
    "another's answer": lambda text: http_outcome(200, event_id="req_" + text),
}

def nothing(event):
    pass

def wait(event):
    sleep(60)

def refused(event):
    text, told = event.body.json, {}
    for name, ask in CASES.items():
        try:
            told[name] = f"allowed: {ask(text)}"
        except Exception as error:
            told[name] = "refused" if isinstance(error, (ValueError, AetherFlowError)) else repr(error)
    return told

def kept(event):
    text, told = event.body.json, {}
    for name, ask in KEPT.items():
        try:
            ask(text)
            told[name] = "kept"
        except Exception as error:
            told[name] = "kept" if isinstance(error, (ValueError, AetherFlowError)) else repr(error)
    return told

def publish(event):
    told = []
    for data in ({"big": 2**70, "zero": "\0"}, {"half": "\ud800"}, {"large": "x" * 300_000}):
        try:
            emit("order.kept", data)
            told.append("published")
        except (TypeError, ValueError) as error:
            told.append(type(error).__name__)
    return told
"""

MANIFEST = """
version: v2
project: {name: arguments}
triggers:
  - {name: quick, webhook: {}, is_sync: true, call: "program.py:refused"}
  - {name: durable, webhook: {}, is_sync: true, is_durable: true, call: "program.py:refused"}
  - {name: quick_kept, webhook: {}, is_sync: true, call: "program.py:kept"}
  - {name: durable_kept, webhook: {}, is_sync: true, is_durable: true, call: "program.py:kept"}
  - {name: publish, webhook: {}, is_sync: true, call: "program.py:publish"}
"""

HALF_TEXTS = pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["nul", "half a surrogate pair"])


@pytest.fixture
def sample(service: Service, workspace: httpx2.Client) -> Sample:
    return Sample(service, workspace, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM})


@HALF_TEXTS
@pytest.mark.parametrize("trigger", ["quick", "durable"])
def test_a_name_that_no_row_can_hold_is_refused_in_the_handler(
    sample: Sample, trigger: str, text: str
) -> None:
    answer = sample.call(trigger, content=json.dumps(text).encode())
    assert answer.status_code == 200, answer.text
    assert set(answer.json().values()) == {"refused"}, answer.json()


@HALF_TEXTS
@pytest.mark.parametrize("trigger", ["quick_kept", "durable_kept"])
def test_what_is_kept_as_json_may_hold_anything(sample: Sample, trigger: str, text: str) -> None:
    answer = sample.call(trigger, content=json.dumps(text).encode())
    assert answer.status_code == 200, answer.text
    assert set(answer.json().values()) == {"kept"}, answer.json()
    session = sample.wait(answer.headers["aetherflow-session-id"])
    assert session["custom_data"] == {"name": text}
    assert sample.log(session["id"])


def test_an_event_of_a_handler_keeps_its_numbers_and_the_limits_of_all(sample: Sample) -> None:
    assert sample.call("publish").json() == ["published", "TypeError", "ValueError"]
    (event,) = sample.client.get("/events", params={"event": "order.kept"}).json()["data"]
    body = sample.client.get(f"/events/{event['id']}").json()["body"]
    assert json.loads(body)["data"] == {"big": 2**70, "zero": "\0"}
