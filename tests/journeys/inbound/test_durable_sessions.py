"""Durable sessions wait without a process, come back in a fresh one, and work together."""

import time

import pytest

from tests.journeys.inbound.deployments import Deployed, deploy, prints_of, session_of
from tests.services import Service

MANIFEST = """
version: v1

project:
  name: NAME

triggers:
  - name: nap
    type: webhook
    is_sync: true
    call: program.py:nap
  - name: family
    type: webhook
    is_sync: true
    call: program.py:family
  - name: counter
    type: webhook
    is_sync: true
    call: program.py:count
  - name: fickle
    type: webhook
    is_sync: true
    call: program.py:fickle
"""

PROGRAM = """
import os
import random
import time
import uuid
from datetime import datetime

import aetherflow
from aetherflow import add_values, get_value, http_outcome, next_signal, set_value, signal, start, step

visits = 0


@step("measure")
def measure():
    return {"pid": os.getpid(), "random": random.random()}


def nap(event):
    global visits
    visits += 1
    readings = [time.time(), str(uuid.uuid4()), random.random(), datetime.now().isoformat(), measure()]
    print("before the nap")
    add_values("naps", 1)
    time.sleep(3)
    print("after the nap")
    http_outcome(json={
        "first": readings,
        "pid": os.getpid(),
        "visits": visits,
        "naps": get_value("naps"),
        "random": random.random(),
    })


def child(event):
    name = next_signal("name", timeout=20)
    return f"Hello, {name.payload}!"


def family(event):
    started = start("program.py:child", data={"of": "family"})
    signal(started, "name", "Ada")
    ended = next_signal(started, timeout=20)
    http_outcome(json={"child": started, "payload": ended.payload})


def count(event):
    set_value("huge", 2**80)
    http_outcome(json={"huge": get_value("huge"), "sum": add_values("sum", 5), "keys": aetherflow.list_values_keys()})


def fickle(event):
    # Decides by something that nobody records.
    if os.path.exists(event.data.body.text):
        step("left")(lambda: None)()
    else:
        open(event.data.body.text, "w").close()
        step("right")(lambda: None)()
    aetherflow.sleep(3)
"""


@pytest.fixture(scope="module")
def durable(service: Service) -> Deployed:
    return deploy(service, {"autokitteh.yaml": MANIFEST, "program.py": PROGRAM})


def test_a_session_comes_back_in_a_fresh_process_with_all_that_it_had_read(durable: Deployed) -> None:
    began = time.time()
    answer = durable.call("nap")
    shown = answer.json()
    assert answer.status_code == 200
    read_at, _, _, _, measured = shown["first"]
    assert began <= read_at <= began + 3
    assert measured["pid"] != shown["pid"]
    assert (shown["visits"], shown["naps"]) == (1, 1)
    session = session_of(durable.service, answer)
    assert session["attempt"] == 2
    assert [step["name"] for step in session["steps"]] == ["measure"]
    assert prints_of(durable.service, session["id"]) == ["before the nap", "after the nap"]


def test_a_session_starts_another_signals_it_and_hears_of_its_end(durable: Deployed) -> None:
    shown = durable.call("family").json()
    assert shown["payload"] == {"completed": True, "value": "Hello, Ada!"}
    child = durable.service.api.get(f"/sessions/{shown['child']}").json()
    assert (child["status"], child["call"], child["is_durable"]) == ("completed", "program.py:child", True)
    assert child["parent_id"].startswith("ses_")


def test_values_outlive_sessions_and_hold_integers_of_any_size(durable: Deployed) -> None:
    first, second = durable.call("counter").json(), durable.call("counter").json()
    assert first["huge"] == second["huge"] == 2**80
    assert second["sum"] == first["sum"] + 5
    assert {"huge", "sum"} <= set(second["keys"])


def test_a_handler_that_decides_otherwise_the_second_time_fails_with_step_and_line(
    durable: Deployed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    marker = tmp_path_factory.mktemp("fickle") / "marker"
    answer = durable.call("fickle", content=str(marker))
    assert (answer.status_code, answer.json()["code"]) == (500, "handler_failed")
    session = session_of(durable.service, answer)
    assert session["status"] == "failed"
    line = PROGRAM.splitlines().index('        step("left")(lambda: None)()') + 1
    assert f"program.py, line {line}" in session["error"]
    assert "step `right`" in session["error"]
    assert "step `left`" in session["error"]
