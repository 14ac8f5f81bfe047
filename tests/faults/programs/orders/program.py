"""Handlers that are interrupted: a durable order that does all that is recorded, and some that do little."""

import json
import os
import random
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path

from aetherflow import (
    activity,
    add_values,
    custom_data,
    emit,
    get_value,
    get_webhook_url,
    http_outcome,
    next_event,
    next_signal,
    outcome,
    set_value,
    signal,
    sleep,
    start,
    step,
    subscribe,
)
from cuts import Cut, wait_for

print("the program is loaded")


@step("reserve")
def reserve(cut, number):
    print("reserving")
    cut.write(f"reserve {number}")
    cut.come_to("in step")
    return {"number": number, "lines": (1, 2)}


@activity
def knock(order):
    """Send the request that the session then waits for; tried again while nobody is there."""
    request = urllib.request.Request(
        get_webhook_url("paid"), json.dumps({"id": order["id"]}).encode(), method="POST"
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except OSError:
            time.sleep(0.05)


@step("refuse")
def refuse(cut):
    cut.write("refuse")
    raise ValueError("out of stock")


def order(event):
    order = event.data.body.json
    cut = Cut(order)
    cut.come_to("start")
    print("begin", order["id"])
    cut.come_to("print")
    number = uuid.uuid4().hex
    began = time.time()
    chance = random.random()
    cut.come_to("readings")
    reserved = reserve(cut, number)
    print("reserved", reserved["number"])
    cut.come_to("step that fails")
    try:
        refuse(cut)
    except ValueError as error:
        print("refused:", error)
    cut.come_to("add")
    count = add_values("orders", 1)
    cut.come_to("set")
    set_value(order["id"], {"count": count})
    cut.come_to("custom data")
    custom_data(number=number)
    cut.come_to("subscribe")
    paid = subscribe("paid", f'data.body.json.id == "{order["id"]}"')
    cut.come_to("activity")
    knock(order)
    cut.come_to("next event")
    event = next_event(paid, timeout=50)
    print("paid", event.data.body.json["id"])
    cut.come_to("sleep")
    sleep(0.02)
    cut.come_to("start of a child")
    child = start("program.py:ship", {**order, "parent": event.session_id, "place": None})
    cut.come_to("signal")
    shipped = next_signal("shipped", timeout=50)
    print("shipped", shipped.payload["id"])
    cut.come_to("end of the child")
    ended = next_signal(child, timeout=50)
    cut.come_to("emit")
    emit("order.shipped", {"order": {"id": order["id"]}})
    cut.come_to("answer")
    http_outcome(201, json={"id": order["id"], "number": number})
    print("answered")
    cut.come_to("second answer")
    http_outcome(500, json={"id": "late"})
    outcome("late")
    print("end")
    cut.come_to("end")
    return {
        "id": order["id"],
        "number": number,
        "reserved": reserved["number"],
        "began": began,
        "chance": chance,
        "child": ended.payload["value"],
    }


@step("ship")
def carry(cut):
    cut.write("ship")


def ship(event):
    cut = Cut(dict(event.data))
    carry(cut)
    print("ship", cut.id)
    signal(event.data["parent"], "shipped", {"id": cut.id})
    return {"shipped": cut.id}


def note(event):
    """Keep no journal, take a moment, and count."""
    order = event.data.body.json
    time.sleep(0.02)
    print("noted", order["id"])
    add_values("notes", 1)
    return order["id"]


def answer(event):
    """Answer at once."""
    http_outcome(200, json={"orders": get_value("orders"), "notes": get_value("notes")})


def linger(event):
    """Say who works here, and go on until told."""
    order = event.data.body.json
    folder = Path(order["folder"])
    helper = subprocess.Popen(["sleep", "1000"])
    with (folder / f"{order['id']}.pids").open("a") as file:
        file.write(f"{os.getpid()} {helper.pid}\n")
    Cut(order).write("begin")
    lingered(order)
    return "done"


@step("linger")
def lingered(order):
    Cut(order).write("linger")
    (Path(order["folder"]) / f"{order['id']}.arrived").touch()
    wait_for(Path(order["folder"]) / "go")


def wait(event):
    """Wait for the request that wakes all."""
    everybody = subscribe("all")
    print("waiting")
    next_event(everybody)
    print("woken")
    add_values("woken", 1)
