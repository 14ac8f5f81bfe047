"""A workflow that tests of the command line deploy, and the folders that they deploy it from."""

from collections.abc import Mapping
from pathlib import Path

MANIFEST = """\
version: v2
project:
  name: NAME
  vars:
    - name: GREETING
      value: Hello
    - name: TOKEN
      secret: true
triggers:
  - name: answering
    type: webhook
    is_sync: true
    call: program.py:answer
  - name: working
    type: webhook
    call: program.py:work
  - name: putting
    type: webhook
    event_type: put
    is_sync: true
    call: program.py:answer
  - name: picky
    type: webhook
    filter: data.url.query.please == "yes"
    call: program.py:work
  - name: failing
    type: webhook
    is_sync: true
    call: program.py:fail
  - name: waiting
    type: webhook
    call: program.py:wait
  - name: bell
    type: webhook
  - name: nightly
    type: schedule
    schedule: "0 3 * * *"
    call: program.py:work
"""

PROGRAM = """\
import os

from aetherflow import http_outcome, next_event, step, subscribe


@step("weigh")
def weigh(content):
    return len(content)


def answer(event):
    data = event.data
    answer = {
        "method": data.method,
        "hex": data.body.bytes.hex() if data.body.bytes else "",
        "weight": weigh(data.body.bytes or b""),
        "suffix": data.url.path_suffix,
        "raw_url": data.raw_url,
        "type": data.headers.get("Content-Type"),
        "team": data.headers.get("X-Team"),
    }
    if data.headers.get("X-Raw"):
        http_outcome(200, body=b"\\x1b[31mred\\n\\xff")
    else:
        http_outcome(200, {"X-Twice": ["a", "b"]}, json=answer)


def work(event):
    print("at work on", event.data)
    return {"greeting": os.environ["GREETING"], "token": os.environ.get("TOKEN")}


def fail(event):
    raise RuntimeError("no luck")


def wait(event):
    bell = subscribe("bell")
    print("listening")
    next_event(bell, timeout=60)
    print("woken")
"""


def files_of(name: str) -> dict[str, str]:
    """Return the files of the workflow under a name of its own."""
    return {"aetherflow.yaml": MANIFEST.replace("NAME", name), "program.py": PROGRAM}


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files by path, and return the folder that they are in."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder
