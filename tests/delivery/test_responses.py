"""Answers as bytes, without a network: what counts, what does not, and what may follow on the connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.responses import BODY_KEPT_BYTES, HEADERS_KEPT_BYTES, RESPONSE_LIMIT_BYTES, Response

OK = b"HTTP/1.1 200 OK\r\n"

WHOLE_ANSWERS = {
    "with a length": OK + b"Content-Length: 2\r\n\r\nok",
    "without a reason": b"HTTP/1.1 204\r\n\r\n",
    "no content, whatever length it tells": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunked with extension and trailer": OK
    + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n",
    "chunked under another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "after informational answers": b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n"
    + OK
    + b"Content-Length: 2\r\n\r\nok",
    "the highest status": b"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n",
    "an old server that keeps alive": b"HTTP/1.0 200 OK\r\n"
    b"Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    "an upgrade that nobody asked for": OK
    + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
}

LAST_ANSWERS = {
    "that says so": OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
    "that says so among others": OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\nok",
    "that says so in a second header": OK
    + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "of HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
}

NO_ANSWERS = {
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a protocol that the parser knows too": b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status below": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "status above": b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes",
    "switching protocols without a word": b"HTTP/1.1 101 Switching\r\n\r\n",
    "two different lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "the same length twice": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "a list of lengths": OK + b"Content-Length: 2, 3\r\n\r\nok!",
    "negative length": OK + b"Content-Length: -2\r\n\r\nok",
    "length with a sign": OK + b"Content-Length: +2\r\n\r\nok",
    "endless length": OK + b"Content-Length: 99999999999999999999999\r\n\r\nok",
    "length and coding": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "coding and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunk size that is no number": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    "negative chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
    "chunk size beyond all numbers": OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok",
    "chunk longer than it says": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "bare carriage return": OK + b"X: a\rb\r\nContent-Length: 2\r\n\r\nok",
    "folded header": OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    "space before the colon": OK + b"Content-Length : 2\r\n\r\nok",
    "zero byte": OK + b"X: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "empty line first": b"\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
}


def read(*pieces: bytes, eof: bool = False, reset: bool = False) -> Response:
    """The answer after the pieces; asserts that nothing but the last one ends it."""
    response = Response()
    for number, piece in enumerate(pieces):
        ended = response.feed(piece)
        assert not ended or number == len(pieces) - 1
    if eof or reset:
        response.feed_eof(reset=reset)
    return response


def cases(table: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("data", table.values(), ids=table.keys())


@cases(WHOLE_ANSWERS)
def test_a_whole_answer_counts_and_another_may_follow(data: bytes) -> None:
    response = read(data)
    assert (response.complete, response.error, response.reusable) == (True, None, True)
    assert response.body == (b"" if response.status in (204, 304, 599) else b"ok")
    assert not response.truncated


@cases(LAST_ANSWERS)
def test_a_last_answer_counts_and_none_may_follow(data: bytes) -> None:
    response = read(data)
    assert (response.status, response.complete, response.reusable) == (200, True, False)


@cases(NO_ANSWERS)
def test_what_is_no_http_answer_is_an_error(data: bytes) -> None:
    response = Response()
    assert response.feed(data)
    assert response.error is not None
    assert not response.reusable


@given(answer=st.sampled_from(list(WHOLE_ANSWERS.values())), data=st.data())
def test_an_answer_reads_the_same_in_whatever_pieces_it_comes(answer: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer) - 1))))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    pieced, whole = read(*pieces), read(answer)
    for name in ("status", "headers", "body", "error", "complete", "reusable", "truncated"):
        assert getattr(pieced, name) == getattr(whole, name)


@given(st.binary(max_size=400), st.sampled_from(list((WHOLE_ANSWERS | NO_ANSWERS).values())), st.data())
def test_no_bytes_whatsoever_raise(noise: bytes, answer: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(answer)))
    response = Response()
    if not response.feed(answer[:at] + noise + answer[at:]):
        response.feed_eof()
    assert response.complete or response.error is not None


def test_a_second_answer_on_the_connection_is_read_afresh() -> None:
    response = Response()
    response.feed(OK + b"Retry-After: 7\r\nContent-Length: 5\r\n\r\nfirst")
    response.begin()
    assert response.feed(b"HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nsecond")
    assert (response.status, response.body, response.header(b"retry-after")) == (500, b"second", None)
    assert response.reusable


@pytest.mark.parametrize(
    "surplus",
    [b"x", b"HTTP/1.1 2", OK + b"\r\n", OK + b"Content-Length: 5\r\n\r\nother", b"\0", b"garbage\r\n\r\n"],
)
@pytest.mark.parametrize("name", ["with a length", "chunked", "without a reason"])
def test_bytes_after_the_answer_bar_the_connection_but_not_the_answer(name: str, surplus: bytes) -> None:
    answer = WHOLE_ANSWERS[name]
    response = read(answer + surplus)
    assert (response.status, response.body) == (read(answer).status, read(answer).body)
    assert (response.complete, response.error, response.reusable) == (True, None, False)


def test_bytes_after_a_last_answer_do_not_spoil_it() -> None:
    response = read(LAST_ANSWERS["that says so"] + b"garbage")
    assert (response.status, response.body, response.error) == (200, b"ok", None)


def test_a_body_without_framing_ends_with_the_connection() -> None:
    response = read(OK + b"X: y\r\n\r\n", b"all of", b" it", eof=True)
    assert (response.status, response.body, response.complete) == (200, b"all of it", True)
    assert not response.reusable
    assert not response.truncated


def test_a_body_in_a_coding_other_than_chunked_ends_with_the_connection() -> None:
    response = read(OK + b"Transfer-Encoding: gzip\r\n\r\n", b"zipped", eof=True)
    assert (response.status, response.body, response.complete) == (200, b"zipped", True)


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([], "the connection was closed before an answer came"),
        ([b"HTTP/1.1 2"], "the connection was closed in the middle of the answer"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "the connection was closed in the middle of the answer"),
        ([OK + b"Content-Length: 5\r\n\r\nok"], "the connection was closed in the middle of the answer"),
        (
            [OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok"],
            "the connection was closed in the middle of the answer",
        ),
    ],
)
def test_a_connection_that_ends_too_early_is_an_error(pieces: list[bytes], error: str) -> None:
    response = read(*pieces, eof=True)
    assert response.error == error
    assert not response.complete


def test_a_reset_does_not_end_a_body_without_framing() -> None:
    response = read(OK + b"\r\nsome", reset=True)
    assert response.error == "the connection was reset in the middle of the answer"


def test_sixteen_kilobytes_of_the_body_are_kept_and_the_rest_only_counted() -> None:
    body = bytes(range(256)) * 80  # 20 KiB
    response = read(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert response.body == body[:BODY_KEPT_BYTES]
    assert response.body_bytes == len(body)
    assert (response.truncated, response.complete, response.reusable) == (True, True, True)


def test_many_small_chunks_are_put_together() -> None:
    response = Response()
    response.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500 + b"0\r\n\r\n")
    assert response.body == b"x" * 500


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1000000\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"]
)
def test_a_body_over_the_limit_counts_by_its_status(framing: bytes) -> None:
    response = Response()
    ended = [response.feed(piece) for piece in [OK + framing, b"x" * 40_000, b"x" * 40_000]]
    assert ended == [False, False, True]
    assert (response.status, response.error, response.truncated) == (200, None, True)
    assert len(response.body) == BODY_KEPT_BYTES
    assert not response.reusable


def test_an_answer_that_ends_exactly_at_the_limit_is_whole() -> None:
    head = OK + b"Content-Length: 65000\r\nX: "
    padding = RESPONSE_LIMIT_BYTES - 65000 - len(head) - 4
    answer = head + b"x" * padding + b"\r\n\r\n" + b"y" * 65000
    assert read(answer).reusable
    assert not read(answer + b"z").reusable
    assert read(answer + b"z").complete


def test_a_head_over_the_limit_is_no_answer() -> None:
    response = Response()
    ended = False
    while not ended:
        ended = response.feed((OK if not response.started else b"") + b"X-Bomb: %s\r\n" % (b"x" * 1000))
    assert response.error == "the head of the answer is over 64 KiB"


def test_informational_answers_count_towards_the_limit() -> None:
    response = Response()
    rounds = 0
    while not response.feed(b"HTTP/1.1 102 Processing\r\n\r\n" * 100):
        rounds += 1
    assert rounds < 30
    assert response.error == "the head of the answer is over 64 KiB"


def test_headers_are_kept_as_they_came() -> None:
    response = read(
        b"HTTP/1.1 100 Continue\r\nNot: this\r\n\r\n" + OK + b"A: 1\r\nb:2 \r\nContent-Length: 0\r\n\r\n"
    )
    assert response.headers == b"A: 1\r\nb:2 \r\nContent-Length: 0\r\n"
    assert read(b"HTTP/1.1 204 No\r\n\r\n").headers == b""


def test_many_headers_are_kept_in_whole_lines() -> None:
    line = b"X-Much: %s\r\n" % (b"x" * 89)
    response = read(OK + line * 300 + b"Content-Length: 0\r\n\r\n")
    assert response.status == 200
    assert len(response.headers) <= HEADERS_KEPT_BYTES
    assert response.headers == line * (HEADERS_KEPT_BYTES // len(line))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"Retry-After: 120", "120"),
        (b"RETRY-AFTER:\t Wed, 21 Oct 2026 07:28:00 GMT ", "Wed, 21 Oct 2026 07:28:00 GMT"),
        (b"Retry-After:", ""),
        (b"X-Retry-After: 120", None),
        (b"X: \xe9 retry-after: 120", None),
    ],
)
def test_a_header_is_found_by_its_name(line: bytes, value: str | None) -> None:
    response = read(OK + line + b"\r\nContent-Length: 0\r\n\r\n")
    assert response.header(b"retry-after") == value
