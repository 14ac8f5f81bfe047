"""Sessions in a real process, from the message that starts one to the message that says how it ended."""

import asyncio
import json
from typing import Any

import pytest

from app.runner.zygote import Process
from tests.runner.forked import Programmer, perform, prints_of

REQUEST = {
    "event_id": "req_1",
    "event_type": "post",
    "method": "POST",
    "raw_url": "/webhooks/slug/a/b?x=1",
    "suffix": "a/b",
    "headers": [["Host", "localhost"], ["Content-Type", "application/json"]],
    "body_base64": "eyJuIjogN30=",
}


def ends(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how a session ended, without what is said of the process."""
    return {name: value for name, value in messages[-1].items() if name != "reusable"}


async def test_a_handler_gets_its_request_and_its_result_is_json(program: Programmer) -> None:
    program.write("""
        def handler(event, session_id):
            data = event.data
            return [data.method, data.url.path_suffix, data.url.query.x, data.body.json, event.event_type,
                    event.event_id, session_id, data.headers["content-type"]]
    """)
    result = await program.result("handler", event=REQUEST, session_id="ses_7")
    assert json.loads(result) == [
        "POST", "a/b", "1", {"n": 7}, "post", "req_1", "ses_7", "application/json"
    ]  # fmt: skip


async def test_a_handler_that_was_started_gets_the_data_that_it_was_started_with(program: Programmer) -> None:
    program.write("def handler(event):\n    return [event.event_type, event.data]\n")
    event = {"event_type": "start", "event_id": "ses_1", "data": {"order": [1, 2]}}
    assert json.loads(await program.result("handler", event=event)) == ["start", {"order": [1, 2]}]


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("None", None),
        ("0", "0"),
        ("''", '""'),
        ("[]", "[]"),
        ("2**70", str(2**70)),
        ("(1, 2)", "[1, 2]"),
        ("{1: 2}", '{"1": 2}'),
    ],
)
async def test_any_json_value_is_a_result(program: Programmer, returned: str, expected: str | None) -> None:
    program.write(f"def handler(event):\n    return {returned}\n")
    assert await program.result("handler") == expected


@pytest.mark.parametrize(
    ("returned", "named"),
    [
        ("object()", "object"),
        ("float('nan')", "float"),
        ("'x' * 7_000_000", "str"),
        ("(n for n in ())", "generator"),
    ],
)
async def test_what_json_cannot_hold_is_named(program: Programmer, returned: str, named: str) -> None:
    program.write(f"def handler(event):\n    return {returned}\n")
    [end] = await program.call("handler")
    assert end["ended"] is None
    assert end["unfit"].startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("raise BaseExceptionGroup('both', [ValueError(1), SystemExit(2)])", "BaseExceptionGroup: both"),
    ],
)
async def test_whatever_a_handler_raises_is_a_failure_and_the_process_goes_on(
    program: Programmer, deed: str, message: str
) -> None:
    program.write(f"def handler(event):\n    {deed}\ndef fine(event):\n    return 1\n")
    process = await program.fork()
    [end] = await perform(process, "handler")
    assert end["failed"]["message"].startswith(message)
    assert 'File "program.py", line 2, in handler' in end["failed"]["traceback"]
    assert ends(await perform(process, "fine")) == {"ended": "1"}


async def test_prints_are_told_apart_by_whether_the_program_was_being_loaded(program: Programmer) -> None:
    program.write("""
        import logging, sys
        print("loading")
        def handler(event):
            print("handling")
            print("to stderr", file=sys.stderr)
            logging.warning("logged")
            print("without an end", end="")
    """)
    process = await program.fork()
    *messages, _ = await perform(process, "handler")
    assert messages == [
        {"print": "loading", "loading": True},
        {"print": "handling"},
        {"print": "to stderr"},
        {"print": "WARNING:root:logged"},
        {"print": "without an end"},
    ]
    assert prints_of(await perform(process, "handler"))[0] == "handling"


async def test_a_session_that_runs_again_does_not_say_what_it_said(program: Programmer) -> None:
    program.write("print('loading')\ndef handler(event):\n    for n in range(5):\n        print(n)\n")
    messages = await program.call("handler", first=False, prints=3)
    assert prints_of(messages) == ["3", "4"]


async def test_threads_that_go_on_make_a_process_unfit_for_another_session(program: Programmer) -> None:
    program.write("""
        import subprocess, threading, time
        def leave_a_thread(event):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        def leave_a_process(event):
            subprocess.Popen(["sleep", "600"])
        def leave_nothing(event):
            thread = threading.Thread(target=time.sleep, args=(0.001,))
            thread.start()
            thread.join()
            subprocess.run(["true"], check=True)
    """)
    for function, expected in (
        ("leave_nothing", True),
        ("leave_a_thread", False),
        ("leave_a_process", False),
    ):
        [end] = await program.call(function)
        assert end["reusable"] is expected, function


async def asked(process: Process, function: str, answers: list[Any], **members: Any) -> list[dict[str, Any]]:
    """Perform a session, answer what it asks in this order, and return all its messages."""
    run: dict[str, Any] = {
        "session_id": "ses_1",
        "call": f"program.py:{function}",
        "event": REQUEST,
        "durable": False,
        "journal": [],
        "prints": 0,
        "first": True,
    }
    process.channel.send({"run": run | members})
    messages = []
    async with asyncio.timeout(20):
        while (message := await process.channel.receive()) is not None:
            messages.append(message)
            if message.keys() & {"ended", "failed", "stopped"}:
                return messages
            if message.get("awaited"):
                process.channel.send(answers.pop(0))
    return messages


ASKING = """
    import aetherflow
    from aetherflow import AetherFlowError, get_value, http_outcome, step

    def ask(event):
        return get_value("k")

    def catch(event):
        try:
            get_value("k")
        except (AetherFlowError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    def hold_on(event):
        try:
            get_value("k")
        except Exception:
            return "it was no Exception"
        finally:
            print("cleaned up")

    def answer(event):
        http_outcome(201, {"X-A": "1"}, "body")
        return 7

    @step("double")
    def double(number):
        print("doubling")
        return number * 2

    def steps(event):
        return double(double(1))
"""


@pytest.mark.parametrize("durable", [False, True])
async def test_what_the_service_answers_is_what_the_handler_gets(program: Programmer, durable: bool) -> None:
    program.write(ASKING)
    process = await program.fork()
    begin: list[Any] = []
    value = {"deep": [1, None, "ü"]}
    messages = await asked(process, "ask", [*begin, {"result": value}], durable=durable)
    assert json.loads(messages[-1]["ended"]) == value
    for kind in ("ValueError", "AetherFlowError"):
        refusal = {"error": {"type": kind, "message": "no such key"}}
        messages = await asked(process, "catch", [refusal], durable=durable)
        assert ends(messages) == {"ended": f'"{kind}: no such key"'}


@pytest.mark.parametrize("durable", [False, True])
async def test_a_stop_goes_through_what_catches_exceptions(program: Programmer, durable: bool) -> None:
    program.write(ASKING)
    messages = await asked(await program.fork(), "hold_on", [{"stop": "enough"}], durable=durable)
    assert prints_of(messages) == ["cleaned up"]
    assert ends(messages) == {"stopped": "enough"}


async def test_an_answer_is_waited_for_only_where_it_is_recorded(program: Programmer) -> None:
    program.write(ASKING)
    for durable in (False, True):
        process = await program.fork()
        messages = await asked(process, "answer", [{"result": None}], durable=durable)
        [outcome] = [message for message in messages if "perform" in message]
        assert outcome["perform"] == "outcome"
        assert outcome["arguments"]["status_code"] == 201
        assert outcome.get("awaited", False) is durable
        assert outcome.get("seq") == (2 if durable else None)


async def test_steps_are_recorded_in_a_durable_session_and_told_in_both(program: Programmer) -> None:
    program.write(ASKING)
    process = await program.fork()
    plain = await asked(process, "steps", [])
    durable = await asked(process, "steps", [{}, {}], durable=True)
    for messages in (plain, durable):
        told = [message["tell"] for message in messages if "tell" in message]
        assert told == ["step_started", "step_ended"] * 2
        assert prints_of(messages) == ["doubling", "doubling"]
        assert ends(messages) == {"ended": "4"}
    records = [message["record"] for message in durable if "record" in message]
    assert [record[:3] for record in records] == [
        [1, "reading", "random"],
        [2, "step", "double"],
        [3, "step", "double"],
    ]
    again = await asked(
        await program.fork(),
        "steps",
        [],
        durable=True,
        journal=[record[1:] for record in records],
        prints=2,
        first=False,
    )
    assert again == [{"ended": "4", "reusable": True}]


async def test_a_handler_that_goes_another_way_fails_with_the_place(program: Programmer) -> None:
    program.write(ASKING)
    journal = [["reading", "random", 'j"a"'], ["step", "triple", "j3"]]
    process = await program.fork()
    for function, asks in (("steps", "asks for step `double`"), ("answer", "asks for outcome `http`")):
        [end] = await asked(process, function, [], durable=True, journal=journal, first=False)
        message = end["failed"]["message"]
        assert "record 2 (program.py, line " in message
        assert "recorded step `triple` here" in message
        assert asks in message
    program.write("def handler(event):\n    return 1\n", "short.py")
    [end] = await perform(process, "short.py:handler", durable=True, journal=journal, first=False)
    assert "recorded step `triple` here, and now ends" in end["failed"]["message"]


async def test_other_threads_cannot_ask_in_a_durable_session(program: Programmer) -> None:
    program.write("""
        from concurrent.futures import ThreadPoolExecutor
        from aetherflow import get_value
        def handler(event):
            with ThreadPoolExecutor(1) as pool:
                try:
                    return pool.submit(get_value, "k").result()
                except Exception as error:
                    return f"{type(error).__name__}: {error}"
    """)
    process = await program.fork()
    [*_, end] = await perform(process, "handler", durable=True)
    assert json.loads(end["ended"]).startswith(
        "AetherFlowError: In a durable session only the thread of the handler"
    )
    messages = await asked(process, "handler", [{"result": 7}])
    assert ends(messages) == {"ended": "7"}


async def test_several_threads_each_get_their_own_answer(program: Programmer) -> None:
    program.write("""
        from concurrent.futures import ThreadPoolExecutor
        from aetherflow import get_value
        def handler(event):
            with ThreadPoolExecutor(8) as pool:
                keys = [str(number) for number in range(64)]
                return list(pool.map(get_value, keys)) == keys
    """)
    process = await program.fork()
    process.channel.send(
        {
            "run": {
                "session_id": "ses_1", "call": "program.py:handler", "event": REQUEST, "durable": False,
                "journal": [], "prints": 0, "first": True,
            }
        }
    )  # fmt: skip
    async with asyncio.timeout(20):
        while (message := await process.channel.receive()) is not None and "perform" in message:
            process.channel.send({"result": message["arguments"]["key"]})
    assert message is not None
    assert message["ended"] == "true"


async def test_asynchronous_handlers_are_run_to_their_end(program: Programmer) -> None:
    program.write("""
        import asyncio, time
        from aetherflow import step
        @step
        async def wait(number):
            await asyncio.sleep(0.001)
            return number
        async def handler(event):
            before = time.time()
            return [await wait(1), await wait(2), time.time() >= before]
    """)
    for durable in (False, True):
        assert json.loads(await program.result("handler", durable=durable)) == [1, 2, True]


async def test_what_is_too_large_to_hand_over_is_an_error_at_the_call_and_takes_no_number(
    program: Programmer,
) -> None:
    program.write("""
        from aetherflow import AetherFlowError, activity
        @activity
        def load(size):
            return "x" * size
        def handler(event):
            try:
                load(40_000_000)
            except AetherFlowError as error:
                return [str(error), load(3)]
    """)
    messages = await asked(await program.fork(), "handler", [{}], durable=True)
    message, result = json.loads(messages[-1]["ended"])
    assert "too much to hand over" in message
    assert result == "xxx"
    assert [message["record"][:3] for message in messages if "record" in message] == [
        [1, "reading", "random"],
        [2, "activity", "load"],
    ]
