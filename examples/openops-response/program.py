"""A workflow in the style of OpenOps: check, send a webhook response, then go on in the background."""

from aetherflow import Event, list_values_keys, send_webhook_response, set_value, step


def run_workflow(event: Event) -> None:
    """Acknowledge at once, process and store afterwards."""
    with step("validate"):
        data = event.data.body.json
        is_valid = isinstance(data, dict) and isinstance(data.get("resource"), str)
    if not is_valid:
        send_webhook_response(400, body_type="raw", body="resource is missing")
        return
    send_webhook_response(
        status=200,
        headers={"X-Workflow": "openops-response"},
        body={"success": True, "message": "Data received"},
    )
    with step("process"):
        costs = sum(item.get("cost", 0) for item in data.get("items", []))
    with step("store"):
        set_value(f"costs/{data.resource}", costs)


def show_stored(event: Event) -> list[str]:
    """Answer with what has been stored."""
    return list_values_keys()
