from aetherflow.testing import make_event, run
from program import greet

ENGLISH = {"GREETING": "Hello"}


def test_the_caller_is_greeted_by_name() -> None:
    result = run(greet, make_event(json={"name": "Alice"}), env=ENGLISH)
    assert result.response.json() == {"message": "Hello, Alice!"}
    assert result.prints == ["greeted Alice"]


def test_a_body_without_a_name_is_refused() -> None:
    for event in (make_event(), make_event(body="Alice"), make_event(json={"name": 5})):
        result = run(greet, event, env=ENGLISH)
        assert result.response.status_code == 400
        assert "error" in result.response.json()
