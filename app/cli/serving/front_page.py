"""The page at `/`: what runs here, and the first steps. It shows no key, because everybody may see it."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from app.cli.serving.pages import render_page
from app.version import VERSION

# Subscribed by the demo endpoint: what is published for it, and what workflows do.
DEMO_TYPES = ("demo.*", "workflow.*")
DEMO_EVENT = {"event": "demo.greeting", "data": {"text": "Hello"}}
OWN_EVENT = {"event": "invoice.paid", "data": {"invoice": {"id": "in_1"}}}


@dataclass(frozen=True, slots=True)
class Place:
    """What the page tells of its service: its URL, how it runs, and how one gets a key by a shell command."""

    url: str
    runs_as: str
    key_command: str
    receiver_url: str | None = None


def render_front_page(place: Place) -> str:
    """Return the page."""
    steps = "".join(
        f"<article>\n<h2>{number}. {escape(title)}</h2>\n{content}</article>\n"
        for number, (title, content) in enumerate(steps_of(place), 1)
    )
    content = f"""
<h1>AetherFlow Webhooks</h1>
<p>Version {escape(VERSION)} runs here: {escape(place.runs_as)}. <a href="/readyz">Is it ready?</a> &middot;
<a href="/openapi.json">API description</a> &middot; <a href="/metrics">Metrics</a></p>
{steps}
<p class="quiet">The same from the command line: <code>aetherflow events</code>, <code>aetherflow endpoints</code>,
<code>aetherflow deliveries</code>. <code>aetherflow doctor</code> checks the installation.</p>
"""
    return render_page("AetherFlow Webhooks", content)


def steps_of(place: Place) -> Iterator[tuple[str, str]]:
    """Yield the first steps, each with its title."""
    yield "Take an API key", command(place.key_command)
    if place.receiver_url is not None:
        shown = escape(place.receiver_url)
        yield (
            "Publish an event for the demo receiver",
            command(call(place, "/events", DEMO_EVENT))
            + f'<p>The receiver shows it, verified: <a href="{shown}">{shown}</a></p>\n',
        )
        yield (
            "Run the demo workflow",
            command('aetherflow trigger hello -d \'{"name": "Ada"}\'')
            + "<p>The receiver shows that it was executed and that it completed.</p>\n",
        )
        target = "http://127.0.0.1:9000/"
    else:
        target = "https://example.com/webhooks"
    yield (
        "Register an endpoint of your own",
        command(call(place, "/endpoints", {"url": target, "events": ["invoice.*"]}))
        + "<p>The answer holds its secret, this once. The receiver verifies with it.</p>\n",
    )
    yield "Publish", command(call(place, "/events", OWN_EVENT))
    yield "See how it went", command(call(place, "/deliveries"))


def call(place: Place, path: str, body: object = None) -> str:
    """Return the shell command that calls the API."""
    lines = [
        f"curl -sS {shlex.quote(place.url + '/api/v1' + path)}",
        '-H "Authorization: Bearer $AETHERFLOW_API_KEY"',
    ]
    if body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(json.dumps(body))}"]
    return " \\\n  ".join(lines)


def command(text: str) -> str:
    """Return a shell command as HTML."""
    # It can be scrolled, so the keyboard must reach it.
    return f'<pre tabindex="0">{escape(text)}</pre>\n'
