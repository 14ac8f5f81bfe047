"""Synchronous programs in the style of AutoKitteh and OpenOps run unchanged."""

import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.journeys.inbound.deployments import Deployed, deploy, log_of, prints_of, session_of
from tests.services import Service

MANIFEST = """
version: v2

project:
  name: NAME
  vars:
    - name: WEBHOOK_SECRET
      value: hidden

triggers:
  - name: api
    type: webhook
    is_sync: true
    call: program.py:handle_request
  - name: several
    type: webhook
    is_sync: true
    call: program.py:handle_in_parts
  - name: order
    type: webhook
    is_sync: true
    call: program.py:handle_order
  - name: users
    type: webhook
    is_sync: true
    is_durable: false
    call: program.py:api_create_user
  - name: signed
    type: webhook
    is_sync: true
    call: signed.py:handle_webhook
  - name: careful
    type: webhook
    is_sync: true
    call: program.py:handle_errors
  - name: first
    type: webhook
    is_sync: true
    call: waiting.py:on_first
  - name: impatient
    type: webhook
    is_sync: true
    call: waiting.py:on_first_briefly
  - name: second
    type: webhook
  - name: json_answer
    type: webhook
    is_sync: true
    call: openops.py:answer_json
  - name: raw_answer
    type: webhook
    is_sync: true
    call: openops.py:answer_raw
  - name: no_answer
    type: webhook
    is_sync: true
    call: openops.py:process
  - name: kept
    type: webhook
    is_sync: true
    call: program.py:show_kept
"""

PROGRAM = """
import json
import autokitteh

def handle_request(event):
    # Parse request
    data = json.loads(event.data.body.text)

    # Process
    result = {"message": f"Hello, {data['name']}!"}

    # Send response
    autokitteh.http_outcome(
        status_code=200,
        headers={"Content-Type": "application/json"},
        body=json.dumps(result)
    )

def handle_in_parts(event):
    autokitteh.http_outcome(
        status_code=200,
        body="Processing...",
        more=True
    )
    result = 6 * 7
    autokitteh.http_outcome(
        status_code=200,
        body=f"Result: {result}"
    )
    autokitteh.http_outcome(status_code=500, body="too late")
    autokitteh.set_value(event.event_id, "logged " + str(result))

def handle_order(event):
    order = json.loads(event.data.body.text)
    autokitteh.http_outcome(
        status_code=202,
        headers={"Content-Type": "application/json"},
        body=json.dumps({"order_id": order["id"], "status": "accepted"})
    )
    # The caller comes back here, which it could not if it were still waiting.
    sub = autokitteh.subscribe("second", filter="data.body.text == 'paid'")
    autokitteh.set_value(order["id"] + ".waiting", True)
    payment = autokitteh.next_event(sub, timeout=20)
    autokitteh.set_value(order["id"], payment.data.body.text)

class User:
    def __init__(self, email, name):
        self.id, self.email, self.name = 17, email, name

def create_user(email, name):
    if name == "nobody":
        raise RuntimeError("no database")
    return User(email, name)

def api_create_user(event):
    try:
        # Parse request
        data = json.loads(event.data.body.text)

        # Validate
        if not data.get("email") or not data.get("name"):
            autokitteh.http_outcome(
                status_code=400,
                headers={"Content-Type": "application/json"},
                body=json.dumps({"error": "Missing required fields"})
            )
            return

        # Create user
        user = create_user(data["email"], data["name"])

        # Success response
        autokitteh.http_outcome(
            status_code=201,
            headers={
                "Content-Type": "application/json",
                "Location": f"/api/users/{user.id}"
            },
            body=json.dumps({
                "id": user.id,
                "email": user.email,
                "name": user.name
            })
        )

    except json.JSONDecodeError:
        autokitteh.http_outcome(
            status_code=400,
            headers={"Content-Type": "application/json"},
            body=json.dumps({"error": "Invalid JSON"})
        )
    except Exception as e:
        autokitteh.http_outcome(
            status_code=500,
            headers={"Content-Type": "application/json"},
            body=json.dumps({"error": "Internal server error"})
        )

def process(data):
    kind = data.body.text
    if kind == "bad":
        raise ValueError("bad kind")
    if kind == "worse":
        raise KeyError(kind)
    return kind

def handle_errors(event):
    try:
        result = process(event.data)

        autokitteh.http_outcome(
            status_code=200,
            body=json.dumps({"result": result})
        )

    except ValueError as e:
        # Client error
        autokitteh.http_outcome(
            status_code=400,
            body=json.dumps({"error": str(e)})
        )

    except Exception as e:
        # Server error
        print(f"Error: {e}")
        autokitteh.http_outcome(
            status_code=500,
            body=json.dumps({"error": "Internal server error"})
        )

def show_kept(event):
    return [autokitteh.get_value(event.data.body.json)]
"""

SIGNED = """
import os
import hmac
import hashlib
import json
import autokitteh

SECRET = os.getenv("WEBHOOK_SECRET")

def verify_webhook(event):
    # Get signature from headers
    signature = event.data.headers.get("X-Hub-Signature-256", "")
    body = event.data.body.bytes

    # Verify signature
    expected = "sha256=" + hmac.new(
        SECRET.encode(),
        body,
        hashlib.sha256
    ).hexdigest()

    if not hmac.compare_digest(signature, expected):
        autokitteh.http_outcome(
            status_code=401,
            body="Invalid signature"
        )
        return None

    # Parse and return payload
    return json.loads(body)

def process_event(data):
    print(data["action"])

def handle_webhook(event):
    data = verify_webhook(event)
    if not data:
        return  # Response already sent

    # Process webhook
    process_event(data)

    # Send success response
    autokitteh.http_outcome(
        status_code=200,
        body="OK"
    )
"""

WAITING = """
from datetime import timedelta
from autokitteh import http_outcome, next_event, set_value, subscribe

def on_first(event, timeout=timedelta(minutes=1)):
    print("First webhook triggered, waiting for second...")

    # Subscribe to second webhook
    sub = subscribe("second")
    set_value("first is waiting", True)

    # Wait up to 1 minute
    second_event = next_event(sub, timeout=timeout)

    if second_event:
        # Send response with data from second webhook
        http_outcome(
            status_code=200,
            body=f"Got second webhook: {second_event.data.body.text}"
        )
    else:
        # Timeout
        http_outcome(
            status_code=408,
            body="Timeout waiting for second webhook"
        )

def on_first_briefly(event):
    on_first(event, timeout=timedelta(milliseconds=50))
"""

OPENOPS = """
from aetherflow import send_webhook_response, set_value

def answer_json(event):
    send_webhook_response(
        status=201,
        headers={"Content-Type": "application/json", "X-Flow": "1"},
        body_type="json",
        body={"success": True, "message": "Data processed successfully"},
    )
    set_value(event.event_id, "processed")

def answer_raw(event):
    send_webhook_response("200", '{"X-Flow": "2"}', "raw", "Operation completed successfully")

def process(event):
    pass
"""

FILES = {
    "aetherflow.yaml": MANIFEST,
    "program.py": PROGRAM,
    "signed.py": SIGNED,
    "waiting.py": WAITING,
    "openops.py": OPENOPS,
}


@pytest.fixture(scope="module")
def examples(service: Service) -> Deployed:
    return deploy(service, FILES)


def test_a_handler_answers_its_caller(examples: Deployed) -> None:
    answer = examples.call("api", content=b'{"name": "Alice"}', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.text) == (200, '{"message": "Hello, Alice!"}')
    assert answer.headers["content-type"] == "application/json"


def test_only_the_final_outcome_is_sent_and_the_handler_goes_on(examples: Deployed) -> None:
    answer = examples.call("several")
    assert (answer.status_code, answer.text) == (200, "Result: 42")
    assert examples.kept("kept", answer.headers["aetherflow-request-id"]) == "logged 42"


def test_every_outcome_is_in_the_log(examples: Deployed) -> None:
    answer = examples.call("several")
    session = session_of(examples.service, answer)
    assert session["status"] == "completed"
    outcomes = [one for one in log_of(examples.service, session["id"]) if one["kind"] == "outcome"]
    assert [one["data"]["body"] for one in outcomes if "data" in one] == [
        "Processing...",
        "Result: 42",
        "too late",
    ]
    assert [one.get("text", "").partition(":")[0] for one in outcomes] == ["more", "", "ignored"]
    assert session["outcome"]["body"] == "Result: 42"


def test_what_a_handler_prints_is_in_the_log(examples: Deployed) -> None:
    session = session_of(examples.service, examples.call("careful", content=b"worse"))
    assert prints_of(examples.service, session["id"]) == ["Error: 'worse'"]


def test_work_goes_on_after_the_answer(examples: Deployed) -> None:
    order_id = f"order {id(examples)}"
    answer = examples.call("order", json={"id": order_id})
    assert (answer.status_code, answer.json()) == (202, {"order_id": order_id, "status": "accepted"})
    examples.kept("kept", f"{order_id}.waiting")
    assert examples.call("second", content=b"not yet").status_code == 202
    assert examples.call("kept", json=order_id).json() == [None]
    assert examples.call("second", content=b"paid").status_code == 202
    assert examples.kept("kept", order_id) == "paid"


@pytest.mark.parametrize(
    ("sent", "status", "answered"),
    [
        (b'{"email": "a@b.example", "name": "Ann"}', 201, {"id": 17, "email": "a@b.example", "name": "Ann"}),
        (b'{"email": "a@b.example"}', 400, {"error": "Missing required fields"}),
        (b"{]", 400, {"error": "Invalid JSON"}),
        (b'{"email": "a@b.example", "name": "nobody"}', 500, {"error": "Internal server error"}),
    ],
)
def test_a_handler_validates_what_it_gets(
    examples: Deployed, sent: bytes, status: int, answered: dict[str, object]
) -> None:
    answer = examples.call("users", content=sent)
    assert (answer.status_code, answer.json()) == (status, answered)
    assert answer.headers.get("location") == ("/api/users/17" if status == 201 else None)


def test_a_handler_checks_signatures_itself(examples: Deployed) -> None:
    body = json.dumps({"action": "opened"}).encode()
    signature = "sha256=" + hmac.digest(b"hidden", body, hashlib.sha256).hex()
    for given, expected in ((signature, (200, "OK")), (signature[:-1], (401, "Invalid signature"))):
        answer = examples.call("signed", content=body, headers={"x-hub-signature-256": given})
        assert (answer.status_code, answer.text) == expected
    assert examples.call("signed", content=body).status_code == 401


def test_a_handler_waits_for_a_second_webhook(examples: Deployed) -> None:
    with ThreadPoolExecutor(1) as thread:
        answering = thread.submit(examples.call, "first")
        examples.kept("kept", "first is waiting")
        assert examples.call("second", content=b"zweite").status_code == 202
        answer = answering.result()
    assert (answer.status_code, answer.text) == (200, "Got second webhook: zweite")


def test_a_handler_that_waits_in_vain_goes_on(examples: Deployed) -> None:
    answer = examples.call("impatient")
    assert (answer.status_code, answer.text) == (408, "Timeout waiting for second webhook")


@pytest.mark.parametrize(
    ("sent", "status", "answered"),
    [
        (b"good", 200, {"result": "good"}),
        (b"bad", 400, {"error": "bad kind"}),
        (b"worse", 500, {"error": "Internal server error"}),
    ],
)
def test_a_handler_turns_its_errors_into_answers(
    examples: Deployed, sent: bytes, status: int, answered: dict[str, str]
) -> None:
    answer = examples.call("careful", content=sent)
    assert (answer.status_code, answer.json()) == (status, answered)


def test_the_response_action_sends_json_and_the_workflow_goes_on(examples: Deployed) -> None:
    answer = examples.call("json_answer", json={})
    assert answer.json() == {"success": True, "message": "Data processed successfully"}
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert answer.headers["x-flow"] == "1"
    assert examples.kept("kept", answer.headers["aetherflow-request-id"]) == "processed"


def test_the_response_action_sends_raw_text(examples: Deployed) -> None:
    answer = examples.call("raw_answer")
    assert (answer.status_code, answer.text) == (200, "Operation completed successfully")
    assert answer.headers["x-flow"] == "2"


def test_a_workflow_without_a_response_is_acknowledged(examples: Deployed) -> None:
    answer = examples.call("no_answer")
    assert (answer.status_code, list(answer.json())) == (200, ["message"])


def test_the_two_versions_of_manifests_differ_in_what_is_durable(service: Service) -> None:
    manifest = """
        version: {version}
        project: {{name: NAME}}
        triggers:
          - {{name: default, type: webhook, call: "a.py:f"}}
          - {{name: durable, type: webhook, call: "a.py:f", is_durable: true}}
          - {{name: fleeting, type: webhook, call: "a.py:f", is_durable: false}}
    """
    for version, by_default in (("v1", True), ("v2", False)):
        files = {"autokitteh.yaml": manifest.format(version=version), "a.py": "def f(event): pass"}
        durable = {name: one["is_durable"] for name, one in deploy(service, files).triggers.items()}
        assert durable == {"default": by_default, "durable": True, "fleeting": False}
