"""The frame of the few HTML pages that the command line brings along: self-contained, light and dark."""

from html import escape

# Nothing is loaded, run or sent by these pages. Their styles stand in them, and what others wrote is escaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

PAGE_HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

STYLE = """
:root { color-scheme: light dark; --text: #1c2230; --quiet: #5a6478; --paper: #f7f8fa; --card: #ffffff;
  --line: #d9dde5; --accent: #2f5bd0; --good: #17703c; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e8f0; --quiet: #98a2b6; --paper: #12151c;
  --card: #1a1f29; --line: #2d3442; --accent: #8fb0ff; --good: #6fd398; --bad: #ff9a90; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 16px/1.6 system-ui, sans-serif; }
main { max-width: 50rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; margin: 0 0 .35rem; }
p { margin: 0 0 1rem; }
pre + p { margin-top: .7rem; }
a { color: var(--accent); }
article { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.15rem;
  margin: 0 0 1rem; }
article > :last-child { margin-bottom: 0; }
pre { margin: 0; padding: .75rem .9rem; overflow-x: auto; background: var(--paper); border: 1px solid var(--line);
  border-radius: .4rem; }
code, pre { font: .86rem/1.55 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
.quiet { color: var(--quiet); font-size: .92rem; }
.good, .bad { font-weight: 500; font-size: .85rem; margin-left: .35rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
"""


def render_page(title: str, content: str, *, refresh_seconds: int | None = None) -> str:
    """Return a whole page; `content` is HTML, `title` is text."""
    refresh = "" if refresh_seconds is None else f'<meta http-equiv="refresh" content="{refresh_seconds}">\n'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
{refresh}<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{content.strip()}
</main>
</body>
</html>
"""
