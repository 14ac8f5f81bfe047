"""Manifests that are right, and what is read from them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.manifest import (
    ConnectionSpec,
    Manifest,
    Reading,
    TriggerSpec,
    VarSpec,
    VerifySpec,
    read_manifest,
)

CODE = {"program.py": b"def handle(event): ...\nasync def answer(event): ...\n"}
HEAD = "version: v2\nproject:\n  name: shop\n"


def read(manifest: str, name: str = "aetherflow.yaml", **more: bytes) -> Reading:
    return read_manifest({name: manifest.encode(), **CODE, **more}, providers={"github", "generic"})


def read_trigger(text: str, version: str = "v2") -> TriggerSpec:
    """The only trigger, given as the lines of its members."""
    lines = "\n".join(f"    {line}" for line in text.strip().splitlines())
    reading = read(f"version: {version}\nproject: {{name: shop}}\ntriggers:\n  - name: hook\n{lines}\n")
    assert not reading.warnings
    (trigger,) = reading.manifest.triggers
    return trigger


def test_a_manifest_without_triggers_is_fine() -> None:
    reading = read(HEAD)
    assert reading.manifest == Manifest(version="v2", name="shop")
    assert reading.warnings == []


def test_everything_that_a_manifest_can_say_is_read() -> None:
    reading = read(
        """
version: v1
project:
  name: shop
  display_name: The shop
  vars:
    - name: TOKEN
      secret: true
      description: Of the warehouse.
  connections:
    - name: chat
      integration: slack
      vars:
        - {name: channel, value: orders}
  triggers:
    - name: orders
      type: webhook
      event_type: post
      filter: data.method == "POST"
      call: program.py:handle
      is_sync: true
      is_durable: false
      timeout: 2.5
      stream: true
      max_body: 1000
      verify: {provider: github, secret: TOKEN, tolerance: 60}
      dedupe: {header: X-Github-Delivery}
      sync_suffix: false
      max_seconds: 10
"""
    )
    assert reading.manifest == Manifest(
        version="v1",
        name="shop",
        display_name="The shop",
        vars=(VarSpec(name="TOKEN", secret=True, description="Of the warehouse."),),
        connections=(
            ConnectionSpec(name="chat", integration="slack", vars=(VarSpec(name="channel", value="orders"),)),
        ),
        triggers=(
            TriggerSpec(
                name="orders",
                type="webhook",
                event_type="post",
                filter='data.method == "POST"',
                call="program.py:handle",
                is_sync=True,
                is_durable=False,
                timeout=2.5,
                stream=True,
                max_body=1000,
                verify=VerifySpec(provider="github", secret="TOKEN", tolerance=60),
                dedupe_header="X-Github-Delivery",
                sync_suffix=False,
                max_seconds=10,
            ),
        ),
    )
    assert reading.trigger_lines == {"orders": 17}
    assert Manifest.model_validate(reading.manifest.model_dump(mode="json")) == reading.manifest


def test_sections_under_the_project_and_at_the_top_are_one() -> None:
    manifest = read(
        """
version: v2
vars: [{name: A, value: "1"}]
connections: [{name: c, integration: i}]
triggers: [{name: top, type: webhook}]
project:
  name: shop
  vars: [{name: B, value: "2"}]
  connections: [{name: d, integration: i}]
  triggers: [{name: below, type: webhook}]
"""
    ).manifest
    assert [spec.name for spec in manifest.vars] == ["A", "B"]
    assert [spec.name for spec in manifest.connections] == ["c", "d"]
    assert [spec.name for spec in manifest.triggers] == ["top", "below"]


@pytest.mark.parametrize(("version", "expected"), [("v1", True), ("v2", False)])
def test_the_versions_differ_in_whether_sessions_are_durable(version: str, expected: bool) -> None:
    assert read_trigger("type: webhook", version).is_durable is expected
    assert read_trigger("type: webhook\nis_durable: true", version).is_durable
    assert not read_trigger("type: webhook\nis_durable: false", version).is_durable


@pytest.mark.parametrize(
    "written", ["webhook: {}", "webhook:", "type: webhook", "type: webhook\nwebhook: {}"]
)
def test_a_webhook_is_named_by_its_type_or_by_its_key(written: str) -> None:
    assert read_trigger(written).type == "webhook"


@pytest.mark.parametrize("written", ['schedule: "@daily"', "type: schedule\nschedule: 0 9 * * 1-5"])
def test_a_schedule_is_named_by_its_type_or_by_its_key(written: str) -> None:
    trigger = read_trigger(written)
    assert (trigger.type, trigger.timezone) == ("schedule", "UTC")


def test_a_schedule_may_have_a_time_zone_and_a_handler() -> None:
    trigger = read_trigger(
        'schedule: "@every 15m"\ntimezone: Europe/Vienna\ncall: program.py:handle\nis_sync: false'
    )
    assert (trigger.schedule, trigger.timezone, trigger.call) == (
        "@every 15m",
        "Europe/Vienna",
        "program.py:handle",
    )


@pytest.mark.parametrize(
    "written",
    [
        "program.py:handle",
        "program.py handle",
        "./program.py:handle",
        '"program.py : handle"',
        "program.py:  handle",
    ],
)
def test_a_call_has_one_spelling_however_it_is_written(written: str) -> None:
    text = written if written.startswith('"') else f'"{written}"'
    assert read_trigger(f"type: webhook\ncall: {text}").call == "program.py:handle"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("4", "4"),
        ("1.50", "1.50"),
        ("false", "false"),
        ("yes", "yes"),
        ("null", "null"),
        ("~", "~"),
        ("012", "012"),
        ("2026-11-20", "2026-11-20"),
        ("12:30:00", "12:30:00"),
        ("0x1F", "0x1F"),
        ("", ""),
        ('""', ""),
        ("'a: b'", "a: b"),
        ('"a\\nb"', "a\nb"),
        ("|\n        two\n        lines\n", "two\nlines\n"),
        ("ünï", "ünï"),
    ],
)
def test_the_value_of_a_var_is_the_text_that_stands_there(written: str, value: str) -> None:
    reading = read(f"version: v2\nproject:\n  name: shop\n  vars:\n    - name: A\n      value: {written}\n")
    assert reading.manifest.vars == (VarSpec(name="A", value=value),)


def test_a_var_without_a_value_has_none() -> None:
    assert read(f"{HEAD}vars: [{{name: A}}]").manifest.vars == (VarSpec(name="A", value=None),)


@pytest.mark.parametrize("key", ["filter", "call", "event_type", "timeout", "verify", "max_body", "is_sync"])
def test_a_member_that_is_null_is_one_that_is_absent(key: str) -> None:
    assert read_trigger(f"type: webhook\n{key}:") == read_trigger("type: webhook")
    assert read_trigger(f"type: webhook\n{key}: null") == read_trigger("type: webhook")


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_a_flag_is_written_as_in_yaml_1_2(text: str) -> None:
    assert read_trigger(f"type: webhook\nis_sync: {text}").is_sync


def test_a_filter_may_go_over_lines() -> None:
    trigger = read_trigger('type: webhook\nfilter: |\n  data.method == "GET" ||\n  data.method == "POST"')
    assert trigger.filter == 'data.method == "GET" ||\ndata.method == "POST"\n'


@pytest.mark.parametrize(
    "text",
    [
        'data.method == "GET" || data.method == "POST"',
        'data.method in ["GET", "POST"]',
        'data.url.path.endsWith("/foo")',
        'data.url.path.matches("^/webhooks/.*/foo$")',
        'data.headers["Content-Type"].matches("application/json(;.*)?")',
    ],
)
def test_a_filter_needs_no_quotes_around_it(text: str) -> None:
    assert (
        read_trigger(f"type: webhook\nevent_type: post\nfilter: {text}\ncall: program.py:handle").filter
        == text
    )


def test_triggers_need_no_indentation_below_their_key() -> None:
    triggers = "triggers:\n- name: first\n  type: webhook\n\n- name: second\n  webhook: {}\n"
    manifest = read(HEAD + triggers).manifest
    assert [spec.name for spec in manifest.triggers] == ["first", "second"]


def test_a_manifest_may_begin_with_a_byte_order_mark_a_comment_and_dashes() -> None:
    assert read(f"\ufeff# The shop.\n---\n{HEAD}...\n").manifest.name == "shop"


def test_line_ends_of_windows_are_line_ends() -> None:
    assert read(HEAD.replace("\n", "\r\n")).manifest.name == "shop"


def test_the_other_name_of_a_manifest_is_read_too() -> None:
    reading = read(HEAD, "autokitteh.yaml")
    assert (reading.manifest.name, reading.file, reading.warnings) == ("shop", "autokitteh.yaml", [])


def test_of_two_manifests_ours_is_read_with_a_warning() -> None:
    reading = read(HEAD, **{"autokitteh.yaml": b"nonsense: ["})
    assert reading.file == "aetherflow.yaml"
    assert reading.warnings == ["autokitteh.yaml is not read, because there is aetherflow.yaml."]


@pytest.mark.parametrize("written", ["type: connection\n    connection: chat", "connection: chat"])
def test_a_trigger_on_a_connection_is_left_out_with_a_warning(written: str) -> None:
    reading = read(
        f"{HEAD}triggers:\n  - name: said\n    {written}\n    event_type: message\n"
        "    filter: data.text == 'hi'\n    call: program.py:handle\n"
    )
    assert reading.manifest.triggers == ()
    assert len(reading.warnings) == 1
    assert "said" in reading.warnings[0]


@pytest.mark.parametrize(
    "written",
    ["type: webhook, event_type: POST", 'schedule: "@daily", event_type: post', "webhook: , event_type: Get"],
)
def test_an_event_type_that_never_comes_is_warned_of(written: str) -> None:
    reading = read(f"{HEAD}triggers: [{{name: hook, {written}}}]")
    assert len(reading.manifest.triggers) == 1
    assert "never fires" in reading.warnings[0]


def test_event_types_that_come_are_not_warned_of() -> None:
    assert read_trigger("type: webhook\nevent_type: propfind").event_type == "propfind"
    assert read_trigger('schedule: "@daily"\nevent_type: tick').event_type == "tick"


def test_a_hundred_triggers_are_fine() -> None:
    triggers = "".join(f"  - {{name: t{number}, type: webhook}}\n" for number in range(100))
    assert len(read(f"{HEAD}triggers:\n{triggers}").manifest.triggers) == 100


@pytest.mark.parametrize("name", ["a", "_a", "A-b_9", "a" * 64])
def test_a_project_may_be_called_so(name: str) -> None:
    assert read(f"version: v2\nproject: {{name: {name}}}").manifest.name == name


@given(
    st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,9}", fullmatch=True), st.text(max_size=30), max_size=5)
)
def test_any_text_survives_as_a_quoted_value(values: dict[str, str]) -> None:
    quoted: list[Any] = []
    for name, value in values.items():
        escaped = "".join(f"\\U{ord(c):08x}" for c in value)
        quoted.append(f'  - {{name: X{name}, value: "{escaped}"}}\n')
    if any("\0" in value for value in values.values()):
        return
    manifest = read(f"{HEAD}vars:\n{''.join(quoted)}" if quoted else HEAD).manifest
    assert {spec.name: spec.value for spec in manifest.vars} == {f"X{n}": v for n, v in values.items()}
