"""What a handler sees of a request, whatever a stranger sent."""

import copy
import json
import pickle
from typing import Any

import pytest
from aetherflow import Data, Event
from aetherflow.events import make_data, read_event
from hypothesis import given
from hypothesis import strategies as st

FORM = "application/x-www-form-urlencoded"
# As much as a webhook accepts.
HALF_A_MEGABYTE = 512 * 1024


def data_of(
    body: bytes = b"",
    *,
    method: str = "POST",
    raw_url: str = "/webhooks/slug",
    suffix: str = "",
    headers: list[tuple[str, str]] | None = None,
) -> Any:
    return make_data(method=method, raw_url=raw_url, suffix=suffix, headers=headers or [], body=body)


def form_of(body: bytes, method: str = "POST", content_type: str = FORM) -> Any:
    return data_of(body, method=method, headers=[("content-type", content_type)]).body.form


class TestAccess:
    def test_a_member_is_an_attribute_a_key_and_an_argument_of_get(self) -> None:
        data = data_of(method="PUT")
        assert data.method == data["method"] == data.get("method") == "PUT"

    def test_that_holds_at_every_depth_and_within_lists(self) -> None:
        body = data_of(b'{"a": [{"b": [[{"c": 1}]]}]}').body
        assert body.json.a[0].b[0][0].c == 1
        assert body["json"]["a"][0]["b"][0][0]["c"] == 1

    def test_a_missing_attribute_and_a_missing_key_are_the_errors_that_python_has_for_them(self) -> None:
        data = data_of()
        with pytest.raises(AttributeError, match="nothing"):
            _ = data.nothing
        with pytest.raises(KeyError):
            data["nothing"]
        assert data.get("nothing") is None
        assert data.get("nothing", 3) == 3
        assert not hasattr(data, "nothing")

    @pytest.mark.parametrize("name", ["items", "get", "keys", "copy", "update", "pop", "clear", "values"])
    def test_a_method_of_dict_wins_as_an_attribute_and_the_value_is_under_its_key(self, name: str) -> None:
        found = data_of(json.dumps({name: 1, "x": 2}).encode()).body.json
        assert callable(getattr(found, name))
        assert found[name] == 1
        assert found.get(name) == 1

    def test_items_can_be_assigned_and_attributes_cannot(self) -> None:
        data = data_of()
        data["mine"] = {"a": [{"b": 1}]}
        assert data.mine.a[0].b == 1
        with pytest.raises(AttributeError, match=r"\['mine'\] ="):
            data.mine = 2
        with pytest.raises(AttributeError):
            del data.mine

    def test_every_way_to_put_a_dictionary_in_gives_it_attributes(self) -> None:
        data = Data({"a": {"x": 1}}, b={"x": 2})
        data.update({"c": {"x": 3}}, d={"x": 4})
        data |= {"e": {"x": 5}}
        assert data.setdefault("f", {"x": 6}).x == 6
        assert data.setdefault("f", {}).x == 6
        assert [data[name].x for name in "abcdef"] == [1, 2, 3, 4, 5, 6]
        assert data.copy().a.x == 1

    def test_it_is_a_dictionary_for_everybody_else(self) -> None:
        data = Data(a={"b": [1, None]})
        assert json.loads(json.dumps(data)) == data == {"a": {"b": [1, None]}}
        assert isinstance(data, dict)
        assert {**data} == data

    def test_no_nesting_is_too_deep_to_be_wrapped(self) -> None:
        deep: Any = {}
        for _ in range(50_000):
            deep = {"in": [deep]}
        data = Data(value=deep)
        inner = data["value"]
        for _ in range(50_000):
            assert isinstance(inner, Data)
            inner = inner["in"][0]

    def test_what_a_sender_calls_deepcopy_is_not_called_to_copy(self) -> None:
        data = data_of(b'{"__deepcopy__": 1, "__reduce_ex__": 2, "__class__": 3}').body.json
        assert copy.deepcopy(data) == data
        assert data["__deepcopy__"] == 1

    def test_it_can_be_pickled_and_copied(self) -> None:
        data = data_of(b'{"a": [{"b": 1}]}', headers=[("x-a", "1")])
        for twin in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data), copy.copy(data)):
            assert twin == data
            assert twin.body.json.a[0].b == 1
            assert twin.headers["X-A"] == "1"
            assert twin.headers["x-a"] == "1"


class TestHeaders:
    def test_names_are_canonical_and_looked_up_in_any_case(self) -> None:
        headers = data_of(headers=[("x-gitHub-event", "push"), ("HOST", "h")]).headers
        assert dict(headers) == {"X-Github-Event": "push", "Host": "h"}
        for name in ("X-Github-Event", "x-github-event", "X-GITHUB-EVENT"):
            assert headers[name] == headers.get(name) == "push"
            assert name in headers
        assert headers.host == headers.Host == "h"
        assert headers.get("X-Nothing", "") == ""
        assert "X-Nothing" not in headers
        assert 3 not in headers

    def test_repeated_ones_are_joined(self) -> None:
        headers = data_of(headers=[("A", "1"), ("b", "x"), ("a", "2"), ("A", "3")]).headers
        assert headers["a"] == "1, 2, 3"

    def test_they_are_changed_in_any_case_too(self) -> None:
        headers = data_of(headers=[("a-b", "1"), ("c", "2")]).headers
        headers["A-B"] = "3"
        assert headers.pop("C") == "2"
        assert headers.pop("c", None) is None
        assert dict(headers) == {"A-B": "3"}
        del headers["a-b"]
        assert not headers

    def test_a_name_that_http_does_not_allow_stays_as_it_is(self) -> None:
        assert dict(data_of(headers=[("stra\xdfe x", "1")]).headers) == {"stra\xdfe x": "1"}


class TestUrl:
    def test_its_parts(self) -> None:
        raw_url = "/webhooks/slug/a%20b/c?k=v&x=1%2B1#frag%21"
        data = data_of(raw_url=raw_url, suffix="a b/c")
        assert data.raw_url == raw_url
        assert data.url == {
            "path": "/webhooks/slug/a b/c",
            "path_suffix": "a b/c",
            "query": {"k": "v", "x": "1+1"},
            "raw_query": "k=v&x=1%2B1",
            "fragment": "frag!",
            "raw_fragment": "frag%21",
        }

    @pytest.mark.parametrize(
        ("raw_query", "query"),
        [
            ("", {}),
            ("a", {"a": ""}),
            ("a=", {"a": ""}),
            ("a=1&b=2&a=3", {"a": "1, 3", "b": "2"}),
            ("a=b=c", {"a": "b=c"}),
            ("a+b=c+d", {"a b": "c d"}),
            ("%61=%C3%A9", {"a": "é"}),
            ("a=%zz%4", {"a": "%zz%4"}),
            ("a=%00", {"a": "\0"}),
            ("a=%ff", {"a": "�"}),
            ("a;b=1", {"a;b": "1"}),
            ("&&=&", {"": ""}),
            # The bytes of é, as servers hand them out.
            ("a=\xc3\xa9", {"a": "é"}),
            ("a=日", {"a": "日"}),
        ],
    )
    def test_a_query(self, raw_query: str, query: dict[str, str]) -> None:
        assert data_of(raw_url=f"/webhooks/slug?{raw_query}").url.query == query

    def test_dots_and_double_slashes_stay(self) -> None:
        assert data_of(raw_url="/webhooks/slug//a/../b").url.path == "/webhooks/slug//a/../b"


class TestBody:
    def test_without_one_every_kind_is_none(self) -> None:
        assert data_of().body == {"bytes": None, "text": None, "form": None, "json": None}

    def test_text_is_there_when_it_is_utf_8(self) -> None:
        assert data_of("é\0".encode()).body.text == "é\0"
        broken = data_of(b"\xff{}").body
        assert (broken.bytes, broken.text, broken.json) == (b"\xff{}", None, None)

    @pytest.mark.parametrize(
        "text", ['{"a": 1}', "[1, 2]", '"x"', "5", "-1.5e3", "true", " {} \n", '{"a":1,"a":2}', '"\\ud800"']
    )
    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "image/png"])
    def test_json_is_there_when_the_body_is_one_value_of_any_content_type(
        self, text: str, content_type: str
    ) -> None:
        assert data_of(text.encode(), headers=[("content-type", content_type)]).body.json == json.loads(text)

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"{} {}",
            b"NaN",
            b"[Infinity]",
            b"-Infinity",
            b"\xef\xbb\xbf{}",
            b"hello",
            b"  ",
            b"\0",
            b"{'a': 1}",
        ],
    )
    def test_json_is_none_for_anything_else(self, body: bytes) -> None:
        assert data_of(body).body.json is None

    def test_json_may_nest_as_deeply_as_200(self) -> None:
        def nested(depth: int, inner: str = "") -> bytes:
            return b"[" * depth + inner.encode() + b"]" * depth

        assert data_of(nested(200)).body.json is not None
        assert data_of(nested(201)).body.json is None
        assert data_of(nested(5_000)).body.json is None
        assert data_of(b'{"a":' * 5_000 + b"1" + b"}" * 5_000).body.json is None
        # Brackets within strings and beside each other do not nest.
        assert data_of(nested(200, json.dumps("[" * 300 + '"' + "[\\" * 300))).body.json is not None
        assert len(data_of(b"[" + b"[],{}," * 500 + b"1]").body.json) == 1001

    @pytest.mark.parametrize("digits", [19, 20, 640, 641, 4_300, 4_301, 5_000, 20_001])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_integers_may_have_any_size(self, digits: int, sign: int) -> None:
        # All nines, so that the number is known without reading its digits.
        text = "-" * (sign < 0) + "9" * digits
        assert data_of(f'{{"n": [{text}]}}'.encode()).body.json.n == [sign * (10**digits - 1)]

    def test_the_digits_of_a_long_integer_stay_in_their_places(self) -> None:
        found = data_of(b"1" + b"0" * 999 + b"2" + b"0" * 1_000).body.json
        assert found == 10**2_000 + 2 * 10**1_000

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "post"])
    def test_a_form_is_there_when_it_is_urlencoded_and_the_method_has_one(self, method: str) -> None:
        assert form_of(b"a=1&b=x+y&a=2&c", method) == {"a": "1, 2", "b": "x y", "c": ""}
        assert form_of(b"a=1", method, "Application/X-WWW-Form-Urlencoded; charset=utf-8") == {"a": "1"}

    @pytest.mark.parametrize("method", ["GET", "DELETE", "QUERY"])
    def test_other_methods_have_no_form(self, method: str) -> None:
        assert form_of(b"a=1", method) is None

    def test_other_content_types_have_no_form(self) -> None:
        assert form_of(b"a=1", content_type="text/plain") is None
        assert data_of(b"a=1").body.form is None

    def test_a_form_of_odd_bytes_is_still_a_form(self) -> None:
        assert form_of(b"a=%zz&b=%00&c=\xff&d=%ff") == {"a": "%zz", "b": "\0", "c": "�", "d": "�"}

    @pytest.mark.parametrize(
        "body",
        [
            b"1" * HALF_A_MEGABYTE,
            b"[" * HALF_A_MEGABYTE,
            b"[" + b"[]," * (HALF_A_MEGABYTE // 3) + b"1]",
            b'"' + b'\\"' * (HALF_A_MEGABYTE // 2),
            b'["' + b'\\"' * (HALF_A_MEGABYTE // 2) + b'"]' + b"[" * 300,
            b"\\" * HALF_A_MEGABYTE,
            b"a&" * (HALF_A_MEGABYTE // 2),
            b"%4" * (HALF_A_MEGABYTE // 2),
            b"1e" + b"9" * HALF_A_MEGABYTE,
        ],
        ids=lambda body: body[:6].decode(),
    )
    def test_no_body_of_the_size_that_is_accepted_takes_long(self, body: bytes) -> None:
        # Something quadratic would run into the time-out of the test.
        assert form_of(body) is not None  # and its JSON was looked at on the way


class TestEvent:
    def test_what_is_in_its_data_is_there_directly(self) -> None:
        event = Event("post", "req_1", data_of(b"hi", headers=[("a", "b")]))
        assert event.body.text == event.data.body.text == event["body"]["text"] == "hi"
        assert event.method == event.get("method") == "POST"
        assert event["data"] is event.data
        assert event.get("nothing") is None
        assert event.get("nothing", 1) == 1
        assert "body" in event
        assert "event_id" in event
        assert "nothing" not in event
        with pytest.raises(AttributeError):
            _ = event.nothing
        with pytest.raises(KeyError):
            event["nothing"]

    def test_its_own_members_win_over_those_of_its_data(self) -> None:
        event = Event("tick", "evt_1", {"event_id": "theirs", "x": {"y": 1}})
        assert event.event_id == "evt_1"
        assert event.data.event_id == "theirs"
        assert event.x.y == 1
        assert event

    def test_it_can_be_pickled_and_copied(self) -> None:
        event = Event("post", "req_1", data_of(b'{"a": 1}'), "ses_1")
        for twin in (pickle.loads(pickle.dumps(event)), copy.deepcopy(event), copy.copy(event)):
            assert twin == event
            assert twin.body.json.a == 1
            assert repr(twin) == repr(event)
        assert event != "req_1"

    def test_one_without_data_has_empty_data(self) -> None:
        assert Event(None, None, None).data == {}

    def test_it_is_read_from_a_stored_request(self) -> None:
        stored = {
            "event_id": "req_1",
            "event_type": "post",
            "method": "POST",
            "raw_url": "/webhooks/slug/x",
            "suffix": "x",
            "headers": [["content-type", FORM]],
            "body_base64": "YT0x",
        }
        event = read_event(stored, "ses_1")
        assert (event.event_type, event.event_id, event.session_id) == ("post", "req_1", "ses_1")
        assert event.body.form == {"a": "1"}
        assert read_event({**stored, "body_base64": None}).body.bytes is None


latin_1 = st.text(st.characters(max_codepoint=255))
bodies = st.one_of(
    st.binary(),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(
        st.sampled_from([*list('[]{}":,\\ \n\x019eE+-.'), "NaN", "null", "\\u12", "é", "�"]), max_size=40
    ).map(lambda pieces: "".join(pieces).encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(["%", "4", "1", "=", "&", "+", ";", "é", "%ff"]), max_size=40).map(
        lambda pieces: "".join(pieces).encode()
    ),
)


@given(
    method=st.one_of(st.sampled_from(["POST", "GET"]), st.text()),
    raw_url=st.one_of(latin_1, st.text()),
    suffix=st.text(),
    headers=st.lists(
        st.tuples(st.one_of(st.just("Content-Type"), latin_1), st.one_of(st.just(FORM), latin_1))
    ),
    body=bodies,
)
def test_nothing_that_a_stranger_sends_makes_it_raise(
    method: str, raw_url: str, suffix: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    data = make_data(method=method, raw_url=raw_url, suffix=suffix, headers=headers, body=body)
    assert set(data) == {"method", "raw_url", "url", "headers", "body"}
    assert data.body.bytes == (body or None)
    assert pickle.loads(pickle.dumps(data)) == data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_every_json_value_arrives_as_it_was_sent(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    assert data_of(body).body.json == value


@given(json_values)
def test_every_dictionary_in_a_wrapped_value_has_attributes(value: Any) -> None:
    def check(inner: Any) -> None:
        assert type(inner) is not dict
        for each in inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else []:
            check(each)

    check(Data(value=value))
