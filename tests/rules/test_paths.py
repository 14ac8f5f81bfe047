"""Paths and queries are sent exactly as they were written, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidUrl
from app.rules.paths import request_path


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/hooks/T0/B1/x-._~",
        "//a//",
        "/a.b/..c/...",
        "/x;v=1/!$&'()*+,=:@",
        "/x?",
        "/x?a=b&tags[]=1&next=/../&x=y?z",
        "/%2F%2f%20%C3%BC%25?sig=a%2Bb%3D",
    ],
)
def test_a_path_in_its_normal_form_is_sent_as_it_is(text: str) -> None:
    assert request_path(text) == text


@pytest.mark.parametrize(("text", "sent"), [("", "/"), ("?a=b", "/?a=b"), ("?", "/?")])
def test_an_empty_path_is_sent_as_a_slash(text: str, sent: str) -> None:
    assert request_path(text) == sent


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("/a/../b", "without the segments"),
        ("/a/./b", "without the segments"),
        ("/..", "without the segments"),
        ("/.?x", "without the segments"),
        ("/%2e%2e/b", "Write %2e as ."),
        ("/%7Eme", "Write %7E as ~"),
        ("/?x=%41", "Write %41 as A"),
        ("/%", "%25"),
        ("/%2", "%25"),
        ("/?x=%zz", "%25"),
        ("/\u00fc", "Write \u00fc percent-encoded"),
        ("/a|b", "Write | percent-encoded"),
        ("/a[0]", "Write [ percent-encoded"),
        ("/{id}", "Write { percent-encoded"),
        ('/?x="', 'Write " percent-encoded'),
        ("/?x=<", "Write < percent-encoded"),
        ("/a b", "Write   percent-encoded"),
        ("/a\r\nb", "percent-encoded"),
    ],
)
def test_another_form_is_refused_with_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(InvalidUrl) as refusal:
        request_path(text)
    assert hint in refusal.value.detail


@given(st.text(max_size=40).map(lambda rest: f"/{rest}"))
def test_nothing_is_sent_that_could_end_the_request_line(text: str) -> None:
    try:
        sent = request_path(text)
    except InvalidUrl:
        return
    assert sent == text
    assert sent.isascii()
    assert sent.isprintable()
    assert " " not in sent
