"""Values that outlive a session, and calls of connected services, as a handler sees them."""

import base64
import math
from typing import Any

import pytest
from aetherflow import (
    AetherFlowError,
    add_values,
    check_and_set_value,
    del_value,
    get_value,
    integration,
    list_values_keys,
    set_value,
    store,
)
from aetherflow.testing import run


def error_of(function: Any, *args: Any, **kwargs: Any) -> BaseException:
    error = run(lambda event: function(*args, **kwargs), values={"text": "x", "flag": True}).raised
    assert error is not None
    return error


def returned(function: Any, **options: Any) -> Any:
    result = run(lambda event: function(), **options)
    assert result.raised is None, result.raised
    return result.returned


class TestFunctions:
    def test_a_value_is_set_read_and_deleted(self) -> None:
        def handler(event: Any) -> list[Any]:
            set_value("a", {"n": [2**80, None]})
            set_value("b", 1)
            found = [get_value("a"), get_value("nothing"), list_values_keys()]
            del_value("a")
            del_value("nothing")
            set_value("b", None)
            return [*found, list_values_keys()]

        result = run(handler)
        assert result.returned == [{"n": [2**80, None]}, None, ["a", "b"], []]
        assert result.values == {}

    def test_values_are_copies(self) -> None:
        def handler(event: Any) -> Any:
            mine = {"n": 1}
            set_value("a", mine)
            mine["n"] = 2
            return get_value("a")

        assert run(handler).returned == {"n": 1}

    def test_a_test_can_begin_with_values_and_look_at_them_afterwards(self) -> None:
        given = {"count": 4}
        result = run(lambda event: add_values("count", 2.5), values=given)
        assert (result.returned, result.values, given) == (6.5, {"count": 6.5}, {"count": 4})

    def test_a_key_without_a_value_counts_as_0(self) -> None:
        assert returned(lambda: [add_values("n", 2), add_values("n", -5)]) == [2, -3]

    def test_a_value_is_set_only_if_it_is_the_expected_one(self) -> None:
        def handler() -> list[bool]:
            return [
                check_and_set_value("a", None, 1),
                check_and_set_value("a", None, 2),
                check_and_set_value("a", 1, 3),
                check_and_set_value("a", 3, None),
            ]

        assert returned(handler) == [True, False, True, True]

    @pytest.mark.parametrize(
        ("call", "kind"),
        [
            (lambda: get_value(""), ValueError),
            (lambda: get_value(5), TypeError),  # type: ignore[arg-type]
            (lambda: set_value("a", object()), TypeError),
            (lambda: set_value("a", math.nan), ValueError),
            (lambda: add_values("a", "1"), TypeError),  # type: ignore[arg-type]
            (lambda: add_values("a", True), TypeError),
            (lambda: add_values("a", math.inf), ValueError),
            (lambda: add_values("text", 1), AetherFlowError),
            (lambda: add_values("flag", 1), AetherFlowError),
            (lambda: check_and_set_value("a", object(), 1), TypeError),
            (lambda: check_and_set_value("a", 1, object()), TypeError),
        ],
    )
    def test_wrong_arguments_raise_in_the_handler(self, call: Any, kind: type[Exception]) -> None:
        assert type(error_of(call)) is kind


class TestStore:
    def test_it_is_a_dictionary_in_which_what_is_missing_reads_as_none(self) -> None:
        def handler() -> None:
            assert store["a"] is None
            store["a"] = [1]
            store["b"] = store.get("b", 0) + 1
            assert dict(store) == {"a": [1], "b": 1}
            assert ("a" in store, "c" in store, 5 in store, len(store)) == (True, False, False, 2)
            assert store.setdefault("b", 9) == 1
            assert store.setdefault("c", 9) == 9
            assert store.pop("c") == 9
            assert store.pop("c", "gone") == "gone"
            del store["a"]
            del store["a"]
            store.update(d=4)
            assert sorted(store.items()) == [("b", 1), ("d", 4)]
            store.clear()
            assert not store

        returned(handler)


class TestIntegrations:
    @pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
    def test_a_request_goes_to_the_service_and_its_answer_comes_back(self, method: str) -> None:
        asked: list[dict[str, Any]] = []

        def answer(request: dict[str, Any]) -> dict[str, Any]:
            asked.append(request)
            body = base64.b64encode(b'{"id": [{"n": 1}]}').decode()
            return {"status_code": 201, "headers": [["x-a", "1"], ["X-A", "2"]], "body_base64": body}

        def handler() -> None:
            send = getattr(integration("crm"), method)
            found = send("/users", query={"page": 2}, headers={"X-B": "3"}, json={"a": 1}, timeout=5)
            assert (found.status_code, found.headers["X-a"]) == (201, "1, 2")
            assert found.json().id[0].n == 1
            assert found.text == '{"id": [{"n": 1}]}'

        returned(handler, integrations=answer)
        assert asked == [
            {
                "name": "crm",
                "method": method.upper(),
                "path": "/users",
                "query": {"page": "2"},
                "headers": [["X-B", "3"], ["Content-Type", "application/json"]],
                "body_base64": base64.b64encode(b'{"a":1}').decode(),
                "timeout_seconds": 5.0,
            }
        ]

    def test_without_a_connection_the_error_says_so(self) -> None:
        error = error_of(integration("crm").get, "/users")
        assert isinstance(error, AetherFlowError)
        assert "not connected" in str(error)

    @pytest.mark.parametrize(
        ("call", "kind"),
        [
            (lambda: integration(""), ValueError),
            (lambda: integration("crm").get(""), ValueError),
            (lambda: integration("crm").post("/", json=1, body="x"), ValueError),
            (lambda: integration("crm").post("/", headers={"X-A": "1\n"}), ValueError),
            (lambda: integration("crm").get("/", timeout=-1), ValueError),
        ],
    )
    def test_wrong_arguments_raise_in_the_handler(self, call: Any, kind: type[Exception]) -> None:
        assert type(error_of(call)) is kind
