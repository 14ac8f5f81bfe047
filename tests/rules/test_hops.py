"""How far events of sessions may start sessions in turn."""

import pytest

from app.rules.hops import MOST_HOPS, hops_of_event, is_loop, read_hops


@pytest.mark.parametrize(
    ("values", "hops"),
    [
        ([], 0),
        (["0"], 0),
        (["3"], 3),
        ([" 3 "], 3),
        (["1", "4", "2"], 4),
        (["-1"], 0),
        (["3.5"], 0),
        (["many"], 0),
        (["\u0663"], 0),
        ([""], 0),
    ],
)
def test_a_request_has_the_most_hops_that_it_admits(values: list[str], hops: int) -> None:
    assert read_hops(values) == hops


def test_a_number_too_long_to_be_meant_is_a_loop() -> None:
    assert is_loop(read_hops(["9" * 5_000]))


def test_a_chain_of_five_hops_is_no_loop_and_the_sixth_is() -> None:
    hops = 0
    for _ in range(MOST_HOPS):
        hops = hops_of_event(hops)
    assert not is_loop(hops)
    assert is_loop(hops_of_event(hops))
