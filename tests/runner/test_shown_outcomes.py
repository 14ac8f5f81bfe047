"""What logs and the API show of an answer."""

from app.runner.operations.outcomes import MOST_SHOWN_CHARACTERS, show_outcome

HEADERS = [("Content-Type", "text/plain")]


def test_a_body_is_shown_as_text() -> None:
    assert show_outcome(201, HEADERS, "grün".encode()) == {
        "status_code": 201,
        "headers": {"Content-Type": "text/plain"},
        "body": "grün",
    }


def test_of_a_long_body_the_beginning_is_shown() -> None:
    shown = show_outcome(200, HEADERS, b"x" * (MOST_SHOWN_CHARACTERS + 1))
    assert shown["body"] == "x" * MOST_SHOWN_CHARACTERS
    assert (shown["body_bytes"], shown["body_truncated"]) == (MOST_SHOWN_CHARACTERS + 1, True)


def test_of_a_body_that_is_no_text_the_length_is_shown() -> None:
    shown = show_outcome(200, HEADERS, b"\xff\x00")
    assert shown["body_bytes"] == 2
    assert "body" not in shown
