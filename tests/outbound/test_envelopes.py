"""The body of an event: composed once, and its parts found in the bytes again."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.outbound.envelopes import HEAD_BYTES, compose_body, format_timestamp, read_data, read_timestamp
from app.rules.times import write_in_utc

types = st.from_regex(r"[a-z0-9_]{1,40}(\.[a-z0-9_]{1,28}){1,3}", fullmatch=True).filter(
    lambda t: len(t) <= 128
)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
moments = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))

# Values that look like parts of the envelope, so that none is found in the wrong place.
texts = st.text() | st.sampled_from(['","timestamp":"', ',"data":', '","timestamp":"2000', "}", '"', "\\"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
datas = st.dictionaries(texts, values, max_size=4)


@given(event_type=types, event_id=ids, moment=moments, data=datas)
def test_a_body_says_exactly_what_it_was_composed_of(
    event_type: str, event_id: str, moment: datetime, data: dict[str, object]
) -> None:
    timestamp = format_timestamp(moment)
    compact = orjson.dumps(data)
    body = compose_body(event_type=event_type, event_id=event_id, timestamp=timestamp, data=compact)
    assert orjson.loads(body) == {
        "event": event_type,
        "id": event_id,
        "timestamp": timestamp,
        "data": data,
    }
    assert list(orjson.loads(body)) == ["event", "id", "timestamp", "data"]
    assert read_timestamp(body) == read_timestamp(body[:HEAD_BYTES]) == timestamp
    assert read_data(body) == compact


@given(moment=st.datetimes(min_value=datetime(1970, 1, 1), timezones=zones), event_type=types, event_id=ids)
def test_a_callers_timestamp_is_found_in_the_first_bytes_of_the_body(
    moment: datetime, event_type: str, event_id: str
) -> None:
    timestamp = write_in_utc(moment.isoformat())
    if timestamp is None:
        return  # Before the year 1 or after 9999 in UTC.
    body = compose_body(event_type=event_type, event_id=event_id, timestamp=timestamp, data=b"{}")
    assert read_timestamp(body[:HEAD_BYTES]) == timestamp


def test_the_longest_names_and_timestamp_that_are_accepted_fit_into_the_first_bytes() -> None:
    for digits in (1, 6, 9, 30, 1000):
        timestamp = write_in_utc(f"2026-01-31T09:30:00.{'7' * digits}Z")
        if timestamp is not None:
            body = compose_body(
                event_type="a" * 64 + "." + "b" * 63, event_id="c" * 64, timestamp=timestamp, data=b'{"x":1}'
            )
            assert read_timestamp(body[:HEAD_BYTES]) == timestamp


@given(moment=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9000, 1, 1), timezones=zones))
def test_a_moment_is_written_in_utc_with_milliseconds(moment: datetime) -> None:
    text = format_timestamp(moment)
    assert len(text) == len("2026-01-31T09:30:00.123Z")
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
