"""The journal of a durable session: what was recorded comes back in order, and another way is an error that says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aetherflow import AetherFlowError, step
from aetherflow.binding import bind
from aetherflow.runner.channel import Channel
from aetherflow.runner.journal import DeterminismError, Journal
from aetherflow.runner.prints import Prints
from aetherflow.runner.session import DurableSession

from tests.runner.service_end import Journaling


@pytest.fixture
def service() -> Iterator[Journaling]:
    service = Journaling()
    yield service
    service.close()


def journal_of(
    service: Journaling, records: list[list[str]] | None = None, folder: str = "/nowhere/"
) -> Journal:
    return Journal(Channel(service.theirs), records or [], folder, Prints())


def refuse_to_run() -> Any:
    raise AssertionError("it was recorded, and is run again")


def raise_value_error() -> None:
    raise ValueError("no")


def test_each_result_is_recorded_under_the_next_number(service: Journaling) -> None:
    journal = journal_of(service)
    assert journal.compute("step", "load", lambda: [1]) == [1]
    assert journal.read("time.time", lambda: 1.5) == 1.5
    assert journal.compute("activity", "save", lambda: None) is None
    service.close()
    assert service.records == [
        ["step", "load", "j[1]"],
        ["reading", "time.time", "j1.5"],
        ["activity", "save", "jnull"],
    ]


def test_only_a_reading_goes_on_before_it_is_on_disk(service: Journaling) -> None:
    journal = journal_of(service)
    journal.read("time.time", lambda: 1.5)
    journal.compute("step", "load", lambda: 1)
    service.close()
    assert [message.get("awaited", False) for message in service.messages] == [False, True]


def test_a_second_run_gets_what_was_recorded_and_runs_the_rest(service: Journaling) -> None:
    journal = journal_of(service, [["step", "load", "j[1]"], ["reading", "time.time", "j1.5"]])
    assert journal.is_replaying
    assert journal.compute("step", "load", refuse_to_run) == [1]
    assert journal.read("time.time", refuse_to_run) == 1.5
    assert not journal.is_replaying
    assert journal.compute("step", "save", lambda: 7) == 7
    service.close()
    assert [message["record"] for message in service.messages] == [[3, "step", "save", "j7"]]


def test_an_exception_of_a_step_is_recorded_and_raised_again(service: Journaling) -> None:
    with pytest.raises(ValueError, match="no"):
        journal_of(service).compute("step", "load", raise_value_error)
    service.close()
    again = Journaling()
    journal = journal_of(again, service.records)
    with pytest.raises(ValueError, match="no"):
        journal.compute("step", "load", refuse_to_run)
    journal.check_end()
    again.close()
    assert again.messages == []


def test_what_the_handler_sees_of_an_exception_is_the_same_at_once_and_later(service: Journaling) -> None:
    class LocalError(Exception):
        pass

    def fail() -> None:
        raise LocalError("here")

    seen = []
    with pytest.raises(AetherFlowError, match="LocalError: here") as caught:
        journal_of(service).compute("step", "load", fail)
    assert isinstance(caught.value.__cause__, LocalError)
    seen.append(type(caught.value))
    service.close()
    with pytest.raises(AetherFlowError, match="LocalError: here") as caught:
        journal_of(service, service.records).compute("step", "load", refuse_to_run)
    seen.append(type(caught.value))
    assert seen == [AetherFlowError, AetherFlowError]


def test_a_result_that_cannot_be_kept_is_an_error_at_the_call_and_no_record(service: Journaling) -> None:
    journal = journal_of(service)
    with pytest.raises(AetherFlowError, match="the result of step `load` cannot be recorded"):
        journal.compute("step", "load", lambda: (n for n in ()))
    journal.compute("step", "load", lambda: 1)
    service.close()
    assert [message["record"] for message in service.messages] == [[1, "step", "load", "j1"]]


def test_what_stops_a_session_is_not_recorded_as_the_result_of_a_step(service: Journaling) -> None:
    def stop() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        journal_of(service).compute("step", "load", stop)
    service.close()
    assert service.messages == []


@pytest.mark.parametrize(
    ("ask", "asked"),
    [
        (lambda journal: journal.compute("step", "save", refuse_to_run), "now asks for step `save`"),
        (lambda journal: journal.compute("activity", "load", refuse_to_run), "now asks for activity `load`"),
        (lambda journal: journal.read("time.time", refuse_to_run), "now asks for reading `time.time`"),
        (lambda journal: journal.check_end(), "now ends"),
    ],
    ids=["another name", "another kind", "a reading", "the end"],
)
def test_another_way_than_before_is_an_error_that_names_the_record(
    service: Journaling, ask: Callable[[Journal], Any], asked: str
) -> None:
    journal = journal_of(service, [["reading", "random", 'j"a"'], ["step", "load", "j1"]])
    journal.read("random", refuse_to_run)
    with pytest.raises(DeterminismError) as caught:
        ask(journal)
    assert "record 2" in str(caught.value)
    assert "the session recorded step `load` here" in str(caught.value)
    assert asked in str(caught.value)


def test_the_error_names_the_line_of_the_program(service: Journaling, tmp_path: Path) -> None:
    path = tmp_path / "orders" / "program.py"
    path.parent.mkdir()
    path.write_text("def handler(journal):\n    # a comment\n    journal.compute('step', 'save', None)\n")
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    journal = journal_of(service, [["step", "load", "j1"]], folder=f"{tmp_path}/")
    with pytest.raises(DeterminismError, match=r"record 1 \(orders/program\.py, line 3\)"):
        namespace["handler"](journal)


def test_a_handler_that_goes_on_after_such_an_error_does_not_complete(service: Journaling) -> None:
    journal = journal_of(service, [["step", "load", "j1"]])
    with pytest.raises(DeterminismError):
        journal.compute("step", "save", lambda: 1)
    assert journal.compute("step", "load", refuse_to_run) == 1
    with pytest.raises(DeterminismError, match="now asks for step `save`"):
        journal.check_end()


def test_a_name_that_no_database_keeps_is_found_again(service: Journaling) -> None:
    name = "a\0b\ud800c"
    journal_of(service).compute("step", name, lambda: 1)
    service.close()
    [[_, kept, _]] = service.records
    assert kept == "a\ufffdb?c"
    assert journal_of(service, service.records).compute("step", name, refuse_to_run) == 1


def test_lines_that_a_step_printed_do_not_come_again_and_those_after_it_do(service: Journaling) -> None:
    def run(records: list[list[str]], said_before: int) -> tuple[list[str], Journaling]:
        own = Journaling()
        lines: list[str] = []
        prints = Prints()
        prints.begin(lines.append, silent=said_before)
        journal = Journal(Channel(own.theirs), records, "/nowhere/", prints)
        prints.write("before\n")
        journal.compute("step", "load", lambda: prints.write("inside\ninside too\n"))
        prints.write("after\n")
        own.close()
        return lines, own

    lines, first = run([], 0)
    assert lines == ["before", "inside", "inside too", "after"]
    # What was in the log when the process died, and what the next one then adds.
    for said, rest in ((3, ["after"]), (4, [])):
        assert run(first.records, said)[0] == rest


def test_requests_to_the_service_are_numbered_with_the_rest_and_come_back(service: Journaling) -> None:
    service.results["value"] = 7
    channel = Channel(service.theirs)
    session = DurableSession(channel, "ses_1", journal_of(service))
    assert session.compute("step", "load", lambda: 1) == 1
    assert session.perform("value", {"action": "get", "key": "k"}) == 7
    assert session.compute("step", "save", lambda: 2) == 2
    service.close()
    assert [record[:2] for record in service.records] == [
        ["step", "load"],
        ["value", "get"],
        ["step", "save"],
    ]
    again = Journaling()
    session = DurableSession(Channel(again.theirs), "ses_1", journal_of(again, service.records))
    assert session.compute("step", "load", refuse_to_run) == 1
    assert session.perform("value", {"action": "get", "key": "k"}) == 7
    assert session.compute("step", "save", refuse_to_run) == 2
    session.check_end()
    again.close()
    assert again.messages == []


def test_a_block_is_told_once_however_often_the_handler_runs() -> None:
    first = Journaling()
    run_blocks(first, [])
    records = [message["record"] for message in first.messages if "record" in message]
    assert [record[:3] for record in records] == [
        [1, "step_started", "outer"],
        [2, "step", "load"],
        [3, "step_ended", "outer"],
    ]
    told = [message["details"]["name"] for message in first.messages if "tell" in message]
    assert told == ["outer", "load", "inner", "inner", "load", "outer"]
    again = Journaling()
    run_blocks(again, [record[1:] for record in records])
    assert again.messages == []


def run_blocks(service: Journaling, records: list[list[str]]) -> None:
    """Run a handler with a block around a step around a block, which is a part of the step."""
    session = DurableSession(Channel(service.theirs), "ses_1", journal_of(service, records))

    @step("load")
    def load() -> None:
        with step("inner"):
            pass

    bind(session)
    try:
        with step("outer"):
            load()
        session.check_end()
    finally:
        bind(None)
        service.close()


def test_what_the_service_refused_is_refused_again(service: Journaling) -> None:
    refused = 'x{"type": "ValueError", "message": "no such key"}'
    session = DurableSession(
        Channel(service.theirs), "ses_1", journal_of(service, [["value", "get", refused]])
    )
    with pytest.raises(ValueError, match="no such key"):
        session.perform("value", {"action": "get", "key": "k"})
