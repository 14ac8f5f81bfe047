from aetherflow.testing import make_event, run
from program import run_workflow, show_stored

DATA = {"resource": "vm-1", "items": [{"cost": 3}, {"cost": 4}]}


def test_the_response_comes_first_and_the_work_follows() -> None:
    result = run(run_workflow, make_event(json=DATA))
    assert result.response.json() == {"success": True, "message": "Data received"}
    assert result.response.headers["X-Workflow"] == "openops-response"
    assert [step.name for step in result.steps] == ["validate", "process", "store"]
    assert result.values == {"costs/vm-1": 7}


def test_data_without_a_resource_is_refused_and_not_stored() -> None:
    result = run(run_workflow, make_event(json={"items": []}))
    assert (result.response.status_code, result.response.text) == (400, "resource is missing")
    assert result.values == {}


def test_what_was_stored_can_be_listed() -> None:
    assert run(show_stored, values={"costs/vm-1": 7}).response.json() == ["costs/vm-1"]
