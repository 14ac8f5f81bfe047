from aetherflow.testing import make_event, run
from program import serve


def ask(method: str, values: dict[str, int]):
    return run(serve, make_event(method=method, path="visits"), values=values)


def test_a_post_counts() -> None:
    assert ask("POST", {}).response.json() == {"counter": "visits", "count": 1}
    assert ask("POST", {"visits": 7}).values == {"visits": 8}


def test_a_get_only_looks() -> None:
    result = ask("GET", {"visits": 7})
    assert result.response.json() == {"counter": "visits", "count": 7}
    assert result.values == {"visits": 7}


def test_a_delete_forgets() -> None:
    result = ask("DELETE", {"visits": 7})
    assert (result.response.status_code, result.response.body) == (204, b"")
    assert result.values == {}
