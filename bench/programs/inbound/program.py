"""Handlers that do as little as possible, so that the service is what is measured."""

import time

from aetherflow import custom_data, http_outcome, next_event, step, subscribe


def background(event):
    """Do nothing."""


def timed(event):
    """Say when it ends."""
    custom_data(ended_ns=time.time_ns())


def answer(event):
    """Answer at once."""
    http_outcome(200, body="ok")


@step("one")
def one(number):
    return number + 1


def steps(event):
    """Take ten recorded steps, then answer."""
    number = 0
    for _ in range(10):
        number = one(number)
    http_outcome(200, json={"number": number})


def wait(event):
    """Wait for the request that wakes everybody."""
    next_event(subscribe("wake"))
