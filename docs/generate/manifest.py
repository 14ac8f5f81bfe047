"""docs/reference/manifest.md, from the models and limits of `app.rules.manifest`.

What a key means is written here; that it exists, its type, its default and its limits are read from the code.
"""

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.providers import PROVIDERS
from app.rules import filters, schedules
from app.rules.archives import MOST_BYTES, MOST_FILES
from app.rules.manifest import (
    MANIFEST_NAMES,
    MOST_VALUE_BYTES,
    ConnectionSpec,
    Manifest,
    TriggerSpec,
    VarSpec,
    VerifySpec,
    document,
    triggers,
    variables,
)
from app.settings import Settings
from docs.generate.text import code, page, table

INTRODUCTION = f"""
A workflow is a folder with {code(MANIFEST_NAMES[0])} in it, or {code(MANIFEST_NAMES[1])}; when both are
there, the first counts.

```yaml
version: v2
project:
  name: orders
  vars:
    - name: SHOP_SECRET
      secret: true
  triggers:
    - name: order
      type: webhook
      event_type: post
      is_sync: true
      call: program.py:on_order
      verify: {{provider: shopify, secret: SHOP_SECRET}}
    - name: report
      type: schedule
      schedule: 0 9 * * mon-fri
      timezone: Europe/Vienna
      call: program.py:report
```

Everything is checked before anything is changed, and all mistakes are told at once, each with its file and line:
unknown keys, keys that stand twice, filters and schedules that cannot be read, calls that lead nowhere, Python
that does not parse. The YAML is that of version 1.2, without aliases and tags: `true` and `false` are the only
booleans, and texts such as `no` or `12:30` stay texts.
"""

TOP = {
    "version": "Decides what `is_durable` is when a trigger does not say: true in `v1`, false in `v2`.",
    "project": "`name`, `display_name`, and the lists below, which may stand at the top as well.",
    "name": "Of the project. Deploying the same name again is a new version of the same workflow.",
    "display_name": "For people.",
    "vars": "See [vars](#vars).",
    "connections": "See [connections](#connections).",
    "triggers": "See [triggers](#triggers).",
}

TRIGGER = {
    "name": "Of the trigger. Its URL stays as long as the name does; a name that is dropped and comes back gets "
    "another.",
    "type": "What starts a session. `webhook: {}`, or the key `schedule` alone, says it too. A trigger cannot "
    "change it.",
    "event_type": "Only this one: a method in lower case, or `tick`.",
    "filter": "Only what this CEL expression is true for. [How to write them](../how-to/filter-requests.md).",
    "call": "`path.py:function`, a name at the top of a file of the deployment. Without it the trigger only has a URL "
    "that [handlers can wait on](../how-to/wait-for-another-request.md).",
    "is_sync": "Whether the caller waits for [the handler's answer](answers.md).",
    "is_durable": "Whether its sessions [survive the death of their process](../explanation/durable-execution.md).",
    "timeout": "Seconds that a caller waits.",
    "stream": "Whether an answer is sent in parts. Only with `is_sync: true`.",
    "max_body": "Largest body of a request, in bytes.",
    "verify": "How requests [prove who sent them](../how-to/verify-incoming-webhooks.md); see [verify](#verify).",
    "dedupe_header": "A request with the same value of this header within 24 hours starts nothing, and gets the "
    "answer of the first one.",
    "schedule": "When it fires: cron, a descriptor, or `@every`. [All forms](../how-to/run-on-a-schedule.md).",
    "timezone": "The clock that the schedule goes by, an IANA name.",
    "sync_suffix": "Whether `/sync` behind the URL makes a request synchronous.",
    "max_seconds": "How long a session may be active, waits not counted.",
}

VERIFY = {
    "provider": "Who signs: one of " + ", ".join(code(provider.name) for provider in PROVIDERS) + ".",
    "secret": "The name of a var, which holds the secret.",
    "tolerance": "Seconds that a signed time may be off, where the provider signs one.",
}

VAR = {
    "name": "Of the environment variable.",
    "value": "The text as it stands there, without YAML's types: `4`, `false` and nothing at all are texts too. Left "
    "out, the value is what was [set beside the manifest](../how-to/keep-secrets.md), if anything was.",
    "secret": "Whether it is sealed and never shown.",
    "description": "For people.",
}

CONNECTION = {
    "name": "Of the connection.",
    "integration": "What it connects to, for programs that come from elsewhere.",
    "vars": "As above; in the environment they are `<connection>__<var>`.",
}

# What stands in a manifest under another name than in the model.
WRITTEN = {"dedupe_header": "dedupe: {header}"}

# What each model says of itself is "none", where the truth is a setting.
DEFAULTS = {
    "timeout": "AETHERFLOW_WEBHOOK_TIMEOUT_SECONDS",
    "max_body": "AETHERFLOW_HOOK_MAX_BYTES",
    "max_seconds": "AETHERFLOW_RUNNER_SESSION_SECONDS",
}

LIMITS = {
    "timeout": f"1 to {triggers.LONGEST_WAIT_SECONDS}",
    "max_seconds": f"1 to {triggers.LONGEST_SESSION_SECONDS}",
    "tolerance": f"1 to {triggers.LONGEST_TOLERANCE_SECONDS}",
    "filter": f"{filters.MOST_BYTES} bytes",
}

NOTES = f"""
## What is read and not served

`type: connection`, or the key `connection`, is accepted with a warning, so that manifests from elsewhere deploy:
such a trigger never fires.

## Limits

| what | most |
| --- | --- |
| the manifest | {document.MOST_BYTES // 1024} KiB, {document.MOST_NODES:,} values, {document.MOST_LEVELS} levels |
| triggers | {triggers.MOST_TRIGGERS} |
| the value of a var | {MOST_VALUE_BYTES // 1024} KiB |
| a deployment, packed and unpacked | {MOST_BYTES // 1024 // 1024} MB, {MOST_FILES:,} files |
| `max_body` | what `AETHERFLOW_HOOK_MAX_BYTES` is, {Settings.model_fields["hook_max_bytes"].default:,} unless set |
| how often `@every` fires | after {schedules.SHORTEST_INTERVAL.total_seconds():g} second |

Names of triggers, vars and connections have {variables.NAME_RULE};
that of the project begins with a letter or an underscore, has at most 64 characters, and may have a `-`. Links,
absolute paths and paths with `..` are refused.

Files are deployed as they are. Python files must parse, except tests: those below a folder `tests` and those named
`test_*.py`.
"""


def render() -> str:
    """Return the page."""
    return page(
        "Manifest",
        INTRODUCTION,
        "## The top",
        table_of(Manifest, TOP, extra={"project": "mapping"}),
        "## triggers",
        table_of(TriggerSpec, TRIGGER),
        "## verify",
        table_of(VerifySpec, VERIFY),
        "## vars",
        table_of(VarSpec, VAR),
        "## connections",
        table_of(ConnectionSpec, CONNECTION),
        NOTES,
    )


def table_of(model: type[BaseModel], meanings: dict[str, str], *, extra: dict[str, str] | None = None) -> str:
    """Return the table of a model's keys, in the order of their meanings."""
    fields = model.model_fields
    rows = [
        [code(key), extra[key], "required", meaning]
        if extra and key in extra
        else [code(WRITTEN.get(key, key)), kind_of(key, fields[key]), default_of(key, fields[key]), meaning]
        for key, meaning in meanings.items()
    ]
    missing = fields.keys() - meanings.keys()
    if missing:
        raise ValueError(f"nobody says what these keys mean: {sorted(missing)}")
    return table(["key", "values", "default", "what it means"], rows)


def kind_of(key: str, field: FieldInfo) -> str:
    """Return which values are possible."""
    kinds = [kind for kind in alternatives_of(field.annotation) if kind is not type(None)]
    if get_origin(kinds[0]) is Literal:
        return ", ".join(code(kind) for kind in get_args(kinds[0]))
    if get_origin(kinds[0]) is tuple:
        return "list"
    if issubclass(kinds[0], BaseModel):
        return "mapping"
    name = {str: "text", int: "whole number", float: "number", bool: "`true`, `false`"}[kinds[0]]
    return f"{name}, {LIMITS[key]}" if key in LIMITS else name


def alternatives_of(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return (
        get_args(annotation)
        if type(None) in get_args(annotation) and get_origin(annotation)
        else (annotation,)
    )


def default_of(key: str, field: FieldInfo) -> str:
    """Return what a key is when it is left out."""
    if key in DEFAULTS:
        return code(DEFAULTS[key])
    if key == "is_durable":
        return "by `version`"
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return code(str(field.default).lower())
    return "none" if field.default in (None, ()) else code(field.default)
