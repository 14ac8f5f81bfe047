"""`python -m docs.generate`."""

from docs.generate import PAGES
from docs.generate.text import DOCS

for name, render in PAGES.items():
    (DOCS / "reference" / name).write_text(render())
