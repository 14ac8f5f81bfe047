"""What a handler prints: whole lines, in order, none too long, and none twice."""

import io
import logging
import sys
import threading

import pytest
from aetherflow.runner.prints import MOST_CHARACTERS, Prints
from hypothesis import given
from hypothesis import strategies as st


def begun(*, silent: int = 0) -> tuple[Prints, list[str]]:
    prints, lines = Prints(), list[str]()
    prints.begin(lines.append, silent=silent)
    return prints, lines


def test_a_line_goes_when_it_is_complete() -> None:
    prints, lines = begun()
    prints.write("a")
    prints.write("b")
    assert lines == []
    prints.write("c\nd")
    assert lines == ["abc"]
    prints.write("\n\n")
    assert lines == ["abc", "d", ""]
    print("e", "f", 1, file=prints)
    print("g", end="", file=prints)
    assert lines == ["abc", "d", "", "e f 1"]
    prints.finish()
    assert lines == ["abc", "d", "", "e f 1", "g"]


def test_nothing_is_said_between_sessions() -> None:
    prints, lines = begun()
    prints.write("a\n")
    prints.finish()
    prints.write("nobody hears this\nnor this")
    later: list[str] = []
    prints.begin(later.append)
    prints.write("b\n")
    prints.finish()
    assert (lines, later) == (["a"], ["b"])


@given(st.lists(st.text(alphabet="ab\n", max_size=8)), st.integers(0, 5))
def test_however_it_is_written_the_lines_are_those_of_the_whole(parts: list[str], silent: int) -> None:
    prints, lines = begun(silent=silent)
    for part in parts:
        assert prints.write(part) == len(part)
    prints.finish()
    whole = "".join(parts)
    expected = whole.split("\n")
    assert lines == (expected if expected[-1] else expected[:-1])[silent:]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("times", [1, 1000])
def test_a_line_that_is_too_long_goes_in_parts_and_nothing_of_it_is_lost(end: str, times: int) -> None:
    prints, lines = begun()
    part = "".join(chr(97 + number % 26) for number in range(300_000 // times))
    for _ in range(times):
        prints.write(part)
    prints.write(end)
    prints.finish()
    assert [len(line) for line in lines] == [65_536] * 4 + [300_000 - 4 * 65_536]
    assert "".join(lines) == part * times


def test_a_line_of_just_the_most_is_one_line() -> None:
    prints, lines = begun()
    prints.write("x" * MOST_CHARACTERS + "\n")
    assert [len(line) for line in lines] == [MOST_CHARACTERS]


def test_ten_megabytes_in_one_write_and_in_single_characters_are_taken() -> None:
    prints, lines = begun()
    prints.write("x" * 10_000_000)
    for _ in range(100_000):
        prints.write("y")
    prints.finish()
    assert sum(map(len, lines)) == 10_100_000
    assert max(map(len, lines)) == MOST_CHARACTERS


def test_the_first_lines_of_a_second_run_are_not_said_again() -> None:
    prints, lines = begun(silent=2)
    prints.write("a\nb\nc\n")
    assert lines == ["c"]


def test_lines_that_are_passed_over_are_not_waited_for() -> None:
    prints, lines = begun(silent=3)
    prints.write("a\n")
    prints.pass_over(2)
    prints.write("d\n")
    assert lines == ["d"]
    prints.pass_over(5)
    prints.write("e\n")
    assert lines == ["d", "e"]


def test_threads_do_not_break_each_others_lines() -> None:
    prints, lines = begun()

    def speak(name: int) -> None:
        for number in range(200):
            prints.write(f"{name} {number} {'.' * number}\n")

    threads = [threading.Thread(target=speak, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines) == sorted(f"{name} {n} {'.' * n}" for name in range(8) for n in range(200))


def test_only_text_is_taken_as_text() -> None:
    prints, lines = begun()
    with pytest.raises(TypeError, match="not bytes"):
        prints.write(b"a\n")  # type: ignore[arg-type]
    assert lines == []


def test_bytes_go_through_the_buffer() -> None:
    prints, lines = begun()
    content = "Größe 漢字 🎈\n".encode()
    for number in range(len(content)):
        assert prints.buffer.write(content[number : number + 1]) == 1
    prints.buffer.write(memoryview(b"bad \xff\n"))
    prints.buffer.flush()
    assert lines == ["Größe 漢字 🎈", "bad \ufffd"]


def test_what_programs_do_to_standard_output_works(monkeypatch: pytest.MonkeyPatch) -> None:
    prints, lines = begun()
    monkeypatch.setattr(sys, "stdout", prints)
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)  # type: ignore[union-attr]
    wrapped = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", write_through=True)
    wrapped.write("wrapped\n")
    wrapped.close()
    sys.stdout.close()
    sys.stdout.writelines(["a\n", "b\n"])
    sys.stdout.buffer.write(b"c\n")
    sys.stdout.flush()
    print("d", flush=True)
    assert lines == ["wrapped", "a", "b", "c", "d"]
    assert (sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.writable()) == ("utf-8", False, True)
    with pytest.raises(io.UnsupportedOperation):
        sys.stdout.fileno()


def test_a_logger_that_keeps_its_stream_goes_on_in_the_next_session() -> None:
    prints, lines = begun()
    handler = logging.StreamHandler(prints)
    handler.emit(logging.LogRecord("a", logging.INFO, "a.py", 1, "first", None, None))
    prints.finish()
    later: list[str] = []
    prints.begin(later.append)
    handler.emit(logging.LogRecord("a", logging.INFO, "a.py", 1, "second", None, None))
    assert (lines, later) == (["first"], ["second"])
