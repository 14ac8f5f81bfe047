"""The log of a session: numbered, within bounds, and of text that every database takes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runner.session_log import MOST_CHARACTERS, MOST_LINES, SessionLog, fit_for_text
from app.store.hot.session_rows import NewLogEntry

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def new_log(length: int = 0) -> SessionLog:
    return SessionLog(length, lambda: NOW)


def said(log: SessionLog, number: int, text: str = "x") -> list[NewLogEntry]:
    return [entry for _ in range(number) for entry in log.add("print", text)]


def test_entries_are_numbered_on_from_those_that_are_there() -> None:
    log = new_log(7)
    entries = [*log.add("state", "running"), *log.add("print", "a"), *log.add("outcome", None, {"b": [1]})]
    assert [(entry.seq, entry.at, entry.kind, entry.text, entry.data) for entry in entries] == [
        (8, NOW, "state", "running", None),
        (9, NOW, "print", "a", None),
        (10, NOW, "outcome", None, '{"b": [1]}'),
    ]


def test_the_line_after_the_last_that_is_kept_says_so_and_no_other_follows() -> None:
    log = new_log()
    entries = said(log, MOST_LINES)
    assert len(entries) == MOST_LINES
    [cut] = said(log, 500)
    assert (cut.seq, cut.kind) == (MOST_LINES + 1, "print")
    assert cut.text is not None
    assert cut.text.startswith("truncated")
    assert log.add("outcome", None, {"a": 1}) == []


def test_what_the_service_says_is_kept_after_the_end_too() -> None:
    log = new_log()
    said(log, MOST_LINES + 10)
    entries = [*log.add("error", "Traceback"), *log.add("state", "failed")]
    assert [(entry.seq, entry.kind) for entry in entries] == [
        (MOST_LINES + 2, "error"),
        (MOST_LINES + 3, "state"),
    ]


def test_a_mebibyte_is_kept_and_not_one_character_more() -> None:
    log = new_log()
    entries = said(log, 16, "x" * 65_536)
    assert sum(len(entry.text or "") for entry in entries) == MOST_CHARACTERS
    [cut] = log.add("print", "y")
    assert cut.text is not None
    assert cut.text.startswith("truncated")


def test_values_count_as_what_they_are_as_json() -> None:
    log = new_log()
    [entry] = log.add("outcome", None, {"value": "x" * (MOST_CHARACTERS - 13)})
    assert entry.data is not None
    assert len(entry.data) == MOST_CHARACTERS
    [cut] = log.add("print", "y")
    assert cut.text is not None
    assert cut.text.startswith("truncated")


def test_a_session_that_is_taken_up_again_has_no_more_room_than_before() -> None:
    log = SessionLog(3, lambda: NOW, characters=MOST_CHARACTERS - 1)
    assert len(log.add("print", "x")) == 1
    [cut] = log.add("print", "y")
    assert cut.text is not None
    assert cut.text.startswith("truncated")
    log = SessionLog(cut.seq, lambda: NOW, characters=MOST_CHARACTERS, is_cut=True)
    assert log.add("print", "z") == []
    assert [entry.seq for entry in log.add("state", "running again")] == [cut.seq + 1]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud800", "?"),
        ("a\udc80\udfff", "a??"),
        ("Größe 漢字 🎈 \u2028 \x1b[0m", "Größe 漢字 🎈 \u2028 \x1b[0m"),
        ("", ""),
    ],
)
def test_text_is_made_fit_for_every_database(text: str, kept: str) -> None:
    assert fit_for_text(text) == kept
    [entry] = new_log().add("print", text)
    assert entry.text == kept


@given(st.text(st.characters(codec=None, categories=None)))
def test_any_text_can_be_kept(text: str) -> None:
    kept = fit_for_text(text)
    assert "\0" not in kept
    assert len(kept) == len(text)
    kept.encode()
