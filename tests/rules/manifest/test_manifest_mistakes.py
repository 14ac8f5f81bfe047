"""Manifests that are wrong: every mistake, with its file and line."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import InvalidManifest, Problem
from app.rules.manifest import read_manifest

HEAD = "version: v2\nproject: {name: shop}\n"
CODE = {"program.py": b"def handle(event): ...\n"}


def problems(manifest: str | bytes, **files: bytes) -> tuple[Problem, ...]:
    content = manifest.encode() if isinstance(manifest, str) else manifest
    with pytest.raises(InvalidManifest) as caught:
        read_manifest({"aetherflow.yaml": content, **CODE, **files}, providers={"github"})
    return caught.value.problems


def lines(manifest: str | bytes, **files: bytes) -> list[int | None]:
    return [problem.line for problem in problems(manifest, **files)]


def only(manifest: str | bytes, **files: bytes) -> Problem:
    (problem,) = problems(manifest, **files)
    assert problem.file == "aetherflow.yaml"
    return problem


def of_trigger(members: str) -> Problem:
    """The only mistake of a webhook with these members, in flow style in line 4."""
    problem = only(f"{HEAD}triggers:\n  - {{name: hook, {members}}}\n")
    assert problem.line == 4
    return problem


def test_every_mistake_is_told_at_once_in_the_order_of_lines() -> None:
    found = problems(
        """version: v3
project:
  nme: shop
  vars:
    - name: PATH
    - name: A
      value: [1]
    - name: A
triggers:
  - name: b c
    type: hook
  - name: hook
    type: webhook
    call: program.py:handel
    filter: data.method = "GET"
    wether: good
vras: []
""",
        **{"broken.py": b"def f(:\n", "lib/also.py": b"\n\nx ="},
    )
    assert [(problem.file, problem.line, problem.path) for problem in found] == [
        ("aetherflow.yaml", 1, "/version"),
        ("aetherflow.yaml", 3, "/project/name"),
        ("aetherflow.yaml", 3, "/project/nme"),
        ("aetherflow.yaml", 5, "/project/vars/0/name"),
        ("aetherflow.yaml", 7, "/project/vars/1/value"),
        ("aetherflow.yaml", 8, "/project/vars/2/name"),
        ("aetherflow.yaml", 10, "/triggers/0/name"),
        ("aetherflow.yaml", 11, "/triggers/0/type"),
        ("aetherflow.yaml", 14, "/triggers/1/call"),
        ("aetherflow.yaml", 15, "/triggers/1/filter"),
        ("aetherflow.yaml", 16, "/triggers/1/wether"),
        ("aetherflow.yaml", 17, "/vras"),
        ("broken.py", 1, ""),
        ("lib/also.py", 3, ""),
    ]
    messages = [problem.message for problem in found]
    assert "did you mean handle?" in messages[8]
    assert "line 1, column 13" in messages[9]
    assert "did you mean vars?" in messages[11]


def test_code_is_checked_even_when_the_manifest_cannot_be_read() -> None:
    found = problems("a: [", **{"broken.py": b"x ="})
    assert [problem.file for problem in found] == ["aetherflow.yaml", "broken.py"]


def test_a_missing_manifest_is_told_and_where_one_is() -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_manifest(CODE, providers=())
    assert caught.value.problems[0].file == "aetherflow.yaml"
    with pytest.raises(InvalidManifest) as caught:
        read_manifest({"shop/autokitteh.yaml": HEAD.encode()}, providers=())
    assert "shop/autokitteh.yaml" in caught.value.problems[0].message


@pytest.mark.parametrize(
    ("manifest", "line", "words"),
    [
        ("", 1, "empty"),
        ("# nothing\n", 1, "empty"),
        ("shop", 1, "mapping"),
        ("\n\n- a", 3, "mapping"),
        ("a: 1\n\tb: 2", 2, "spaces, not with tabs"),
        ("a:\n  - b\n c: 1", 3, "no YAML"),
        ("a: b: c", 1, "between quotes"),
        ("a: [1, 2\n\n", 3, "that begins in line 1"),
        ('a: "\\q"', 1, "no YAML"),
        ("a: @b", 1, "no YAML"),
        ("%YAML 3.0\n---\na: 1", 1, "no YAML"),
        ("a: 1\n---\nb: 2", 2, "second one"),
        (b"a: 1\nb: \xff", 2, "UTF-8"),
        ("a: 1".encode("utf-16"), 1, "UTF-8"),
        (b"a: 1\nb: \0", 2, r"U+0000"),
        ("a: 1\r\nb: 2\r\nc: \x1b[0m", 3, "U+001B"),
        ("a: b\ufeffc", 1, "U+FEFF"),
        ("[" * 30, 1, "levels"),
        ("a: " + "{b: " * 30 + "}" * 30, 1, "levels"),
        ("[" * 100_000, 1, "levels"),
        ("- " * 100_000, 1, "levels"),
        ("- a\n" * 10_001, 10_001, "10000 values"),
    ],
)
def test_what_cannot_be_read_as_yaml_is_told_with_its_line(
    manifest: str | bytes, line: int, words: str
) -> None:
    problem = only(manifest)
    assert problem.line == line
    assert words in problem.message


def test_a_manifest_has_a_size() -> None:
    assert "bytes" in only(HEAD + "#" * 262_144).message


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{b}, *{b}]\n" for b, c in zip("abcdefg", "bcdefgh", strict=True)
    )
    found = problems(bomb)
    assert "Anchors such as &a" in found[0].message
    assert any("Aliases" in problem.message for problem in found)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!str", "!secret", "!"])
def test_tags_are_refused(tag: str) -> None:
    assert "Tags" in only(f"{HEAD}vars: [{{name: A, value: {tag} x}}]").message


def test_keys_that_stand_twice_are_all_told() -> None:
    found = problems(f"{HEAD}vars: []\nvars: []\ntriggers:\n  - {{name: a, type: webhook, name: b}}\n")
    assert [(problem.line, "twice" in problem.message) for problem in found] == [(4, True), (6, True)]


def test_a_merge_key_is_a_key_that_does_not_exist() -> None:
    assert "'<<'" in only(f"{HEAD}<<: {{a: b}}").message


def test_a_key_is_a_text() -> None:
    assert "key" in only(f"{HEAD}? [a]\n: 1").message


def test_a_zero_in_a_text_is_refused() -> None:
    assert "U+0000" in only(f'{HEAD}vars: [{{name: A, value: "a\\0b"}}]').message


@pytest.mark.parametrize(
    ("manifest", "path", "words"),
    [
        ("project: {name: shop}", "/version", "missing"),
        ("version:\nproject: {name: shop}", "/version", "missing"),
        ("version: v3\nproject: {name: shop}", "/version", "one of v1, v2"),
        ("version: 1\nproject: {name: shop}", "/version", "one of v1, v2"),
        ("version: [v1]\nproject: {name: shop}", "/version", "text"),
        ("version: v1", "/project", "missing"),
        ("version: v1\nproject: shop", "/project", "mapping"),
        ("version: v1\nproject: {}", "/project/name", "missing"),
        ("version: v1\nproject: {name: }", "/project/name", "missing"),
        ("version: v1\nproject: {name: 1shop}", "/project/name", "letter"),
        ("version: v1\nproject: {name: a b}", "/project/name", "letter"),
        (f"version: v1\nproject: {{name: {'a' * 65}}}", "/project/name", "letter"),
        (f"version: v1\nproject: {{name: a, display_name: {'a' * 201}}}", "/project/display_name", "200"),
        (f"{HEAD}vars: {{}}", "/vars", "list"),
        (f"{HEAD}vars: [a]", "/vars/0", "mapping"),
        (f"{HEAD}vars: [{{value: a}}]", "/vars/0/name", "missing"),
        (f"{HEAD}vars: [{{name: a-b}}]", "/vars/0/name", "64"),
        (f"{HEAD}vars: [{{name: a, value: {{}}}}]", "/vars/0/value", "text"),
        (f"{HEAD}vars: [{{name: a, value: {'ü' * 40_000}}}]", "/vars/0/value", "65536"),
        (f"{HEAD}vars: [{{name: a, secret: yes}}]", "/vars/0/secret", "YAML 1.2"),
        (f'{HEAD}vars: [{{name: a, secret: "true"}}]', "/vars/0/secret", "true or false"),
        (f"{HEAD}vars: [{{name: a}}, {{name: a}}]", "/vars/1/name", "another"),
        (f"{HEAD}connections: [{{name: c}}]", "/connections/0/integration", "missing"),
        (f"{HEAD}connections: [{{integration: c}}]", "/connections/0/name", "missing"),
        (
            f"{HEAD}connections: [{{name: c, integration: i}}, {{name: c, integration: i}}]",
            "/connections/1/name",
            "another",
        ),
        (
            f"{HEAD}connections: [{{name: c, integration: i, vars: [{{}}]}}]",
            "/connections/0/vars/0/name",
            "missing",
        ),
        (f"{HEAD}triggers: [{{type: webhook}}]", "/triggers/0/name", "missing"),
        (
            f"{HEAD}triggers: [{{name: a, webhook: }}, {{name: a, webhook: }}]",
            "/triggers/1/name",
            "another",
        ),
        (f'{HEAD}"a/b~c": 1', "/a~1b~0c", "no key"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(manifest: str, path: str, words: str) -> None:
    problem = only(manifest)
    assert problem.path == path
    assert words in problem.message


@pytest.mark.parametrize("name", ["PATH", "PYTHONPATH", "PYTHON", "LD_PRELOAD", "AETHERFLOW_URL"])
def test_a_var_cannot_take_the_name_of_what_rules_the_process(name: str) -> None:
    assert name in only(f"{HEAD}vars: [{{name: {name}, value: a}}]").message


def test_a_var_of_a_connection_may_have_such_a_name_because_it_is_longer_there() -> None:
    manifest = f"{HEAD}connections: [{{name: c, integration: i, vars: [{{name: PATH, value: a}}]}}]"
    read_manifest({"aetherflow.yaml": manifest.encode()}, providers=())
    assert only(manifest.replace("name: c,", "name: LD,")).path == "/connections/0/vars/0/name"


@pytest.mark.parametrize(
    ("members", "key", "words"),
    [
        ("call: program.py:handle", "type", "missing"),
        ("webhook: {}, connection: c", "type", "missing"),
        ("type: hook", "type", "one of webhook, schedule, connection"),
        ("type: [webhook]", "type", "text"),
        ("type: webhook, webhook: {a: 1}", "webhook/a", "no key"),
        ("type: webhook, webhook: 1", "webhook", "mapping"),
        ('type: webhook, schedule: "@daily"', "schedule", "does not belong"),
        ("type: webhook, timezone: UTC", "timezone", "does not belong"),
        ("type: webhook, connection: c", "connection", "does not belong"),
        ("type: webhook, data: c", "data", "no key"),
        ("type: schedule", "schedule", "missing"),
        ('schedule: "* * * *"', "schedule", "five fields"),
        ('schedule: "@every 1ms"', "schedule", "one second"),
        ('schedule: "@daily", timezone: Mars/X', "timezone", "time zone"),
        ('schedule: "@daily", is_sync: true', "is_sync", "synchronous"),
        ('schedule: "@daily", timeout: 5', "timeout", "does not belong"),
        ('schedule: "@daily", verify: {provider: github, secret: S}', "verify", "does not belong"),
        ("type: webhook, filter: 1 + 1", "filter", "gives int"),
        ("type: webhook, filter: 'nobody == 1'", "filter", "column 1"),
        ("type: webhook, filter: [a]", "filter", "text"),
        (f"type: webhook, filter: '{'a' * 4097}'", "filter", "4096"),
        ("type: webhook, call: program.py", "call", "path.py:function"),
        ("type: webhook, call: 'program.py:'", "call", "path.py:function"),
        ("type: webhook, call: program:handle", "call", "path.py:function"),
        ("type: webhook, call: 'program.py, handle'", "call", "path.py:function"),
        ("type: webhook, call: program.py:Shop.handle", "call", "plain name"),
        ("type: webhook, call: program.py:handle()", "call", "plain name"),
        ("type: webhook, call: /program.py:handle", "call", "of the deployment"),
        ("type: webhook, call: a/../program.py:handle", "call", "of the deployment"),
        ("type: webhook, call: progam.py:handle", "call", "did you mean program.py?"),
        ("type: webhook, call: program.py:other", "call", "no other at the top"),
        ("type: webhook, is_sync: 1", "is_sync", "true or false"),
        ("type: webhook, is_durable: on", "is_durable", "true or false"),
        ("type: webhook, timeout: 0", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: 3601", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: 30s", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: '30'", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: .nan", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: .inf", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: 1_000", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: 1e400", "timeout", "from 1 to 3600"),
        ("type: webhook, timeout: ١", "timeout", "from 1 to 3600"),
        (f"type: webhook, timeout: {'9' * 10_000}", "timeout", "from 1 to 3600"),
        ("type: webhook, max_body: 524289", "max_body", "524288"),
        ("type: webhook, max_body: 1.5", "max_body", "whole number"),
        (f"type: webhook, max_body: {'9' * 10_000}", "max_body", "whole number"),
        ("type: webhook, max_seconds: 0", "max_seconds", "from 1"),
        ("type: webhook, stream: true", "stream", "is_sync"),
        ("type: webhook, sync_suffix: x", "sync_suffix", "true or false"),
        ("type: webhook, verify: github", "verify", "mapping"),
        ("type: webhook, verify: {provider: svn, secret: S}", "verify/provider", "one of github"),
        ("type: webhook, verify: {secret: S}", "verify/provider", "missing"),
        ("type: webhook, verify: {provider: github}", "verify/secret", "missing"),
        ("type: webhook, verify: {provider: github, secret: T}", "verify/secret", "no var T"),
        ("type: webhook, verify: {provider: github, secret: S, tolerance: 0}", "verify/tolerance", "from 1"),
        ("type: webhook, verify: {provider: github, secret: S, scheme: x}", "verify/scheme", "no key"),
        ("type: webhook, dedupe: {header: a b}", "dedupe/header", "name of a header"),
        ("type: webhook, dedupe: {}", "dedupe/header", "missing"),
        ("type: webhook, dedupe: {header: X, hours: 1}", "dedupe/hours", "no key"),
    ],
)
def test_what_a_trigger_cannot_say_is_told_with_its_path(members: str, key: str, words: str) -> None:
    problem = only(f"{HEAD}vars: [{{name: S}}]\ntriggers:\n  - {{name: hook, {members}}}\n")
    assert (problem.line, problem.path) == (5, f"/triggers/0/{key}")
    assert words in problem.message


def test_a_limit_of_bodies_is_the_services() -> None:
    manifest = f"{HEAD}triggers: [{{name: hook, type: webhook, max_body: 2000}}]".encode()
    read_manifest({"aetherflow.yaml": manifest}, providers=(), most_body_bytes=2000)
    with pytest.raises(InvalidManifest, match="one mistake"):
        read_manifest({"aetherflow.yaml": manifest}, providers=(), most_body_bytes=1999)


def test_doubles_are_found_across_sections() -> None:
    manifest = """version: v2
project:
  name: shop
  vars: [{name: A}]
  connections: [{name: c, integration: i}]
  triggers: [{name: hook, type: webhook}]
vars: [{name: A}]
connections: [{name: c, integration: i}]
triggers: [{name: hook, type: webhook}]
"""
    assert [problem.path for problem in problems(manifest)] == [
        "/project/vars/0/name",
        "/project/connections/0/name",
        "/project/triggers/0/name",
    ]


def test_more_than_a_hundred_triggers_are_too_many() -> None:
    triggers = "".join(f"  - {{name: t{number}, type: webhook}}\n" for number in range(200))
    assert only(f"{HEAD}triggers:\n{triggers}").line == 104


PIECES = [
    *"[]{}:-,#&*!|>'\"%@`\t\n ",
    "name",
    "triggers",
    "version",
    "v1",
    "project",
    "a",
    "\\0",
    "\n  ",
    "- ",
    ": ",
]


@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES)).map(lambda parts: "".join(parts).encode()))
@example(b"version: v1\nproject: {name: x}\ntriggers: [{name: a, schedule: '@every 1h', call: a.py:b}]")
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    try:
        read_manifest({"aetherflow.yaml": content}, providers={"github"})
    except InvalidManifest as error:
        reported = error.problems
    else:
        return
    assert reported
    assert all(problem.file == "aetherflow.yaml" for problem in reported)


scalars = st.sampled_from(
    ["a", "1", "true", "{}", "[]", "~", "'x'", "@daily", "'* * * * *'", "a.py:b", "data.x"]
)
keys = st.sampled_from(
    [
        "name",
        "type",
        "webhook",
        "schedule",
        "connection",
        "call",
        "filter",
        "event_type",
        "is_sync",
        "is_durable",
        "timeout",
        "stream",
        "max_body",
        "verify",
        "dedupe",
        "timezone",
        "sync_suffix",
        "max_seconds",
    ]
)


@given(st.lists(st.dictionaries(keys, scalars), max_size=4))
def test_any_trigger_is_right_or_refused(triggers: list[dict[str, str]]) -> None:
    flow = ", ".join("{" + ", ".join(f"{k}: {v}" for k, v in one.items()) + "}" for one in triggers)
    try:
        reading = read_manifest(
            {"aetherflow.yaml": f"{HEAD}triggers: [{flow}]".encode()}, providers={"github"}
        )
    except InvalidManifest as error:
        assert error.problems  # noqa: PT017
        return
    assert len(reading.manifest.triggers) <= len(triggers)
