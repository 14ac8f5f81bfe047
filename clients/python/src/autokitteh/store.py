"""`autokitteh.store`: aetherflow's values under the names that AutoKitteh has besides."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from aetherflow.errors import AetherFlowError
from aetherflow.values import (
    Store,
    add_values,
    check_and_set_value,
    del_value,
    get_value,
    list_values_keys,
    set_value,
    store,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Op",
    "Store",
    "add_values",
    "check_and_set_value",
    "del_value",
    "get_store_public_url",
    "get_value",
    "list_values_keys",
    "mutate_value",
    "publish_value",
    "set_value",
    "store",
    "unpublish_value",
]


class Op(str, Enum):
    """What `mutate_value` does."""

    SET = "set"
    GET = "get"
    DEL = "del"
    ADD = "add"
    CHECK_AND_SET = "check_and_set"


def mutate_value(key: str, op: Op | str, *operands: Any) -> Any:
    """Change or read a value by the name of the operation.

    Raises:
        ValueError: There is no such operation.
        TypeError: The operation takes other operands.
    """
    functions: dict[Op, Callable[..., Any]] = {
        Op.SET: set_value,
        Op.GET: get_value,
        Op.DEL: del_value,
        Op.ADD: add_values,
        Op.CHECK_AND_SET: check_and_set_value,
    }
    return functions[Op(op)](key, *operands)


def publish_value(key: str) -> None:
    """Not served: values have no public address here.

    Raises:
        AutoKittehError: Always.
    """
    raise _not_public()


def unpublish_value(key: str) -> None:
    """Not served: values have no public address here.

    Raises:
        AutoKittehError: Always.
    """
    raise _not_public()


def get_store_public_url() -> str:
    """Not served: values have no public address here.

    Raises:
        AutoKittehError: Always.
    """
    raise _not_public()


def _not_public() -> AetherFlowError:
    return AetherFlowError(
        "stored values have no public address; let a synchronous webhook answer with get_value(key)"
    )
