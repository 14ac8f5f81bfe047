"""The figures that explanations give are those of the code."""

import re
from pathlib import Path

from aetherflow.runner.zygote import MOST_FILE_BYTES, MOST_FILES

from app.runner.operations.waits import PARK_SECONDS
from app.runner.processes import IDLE_SECONDS
from app.runner.session_log import MOST_CHARACTERS, MOST_LINES
from app.runner.session_run import MOST_DEATHS
from app.store.hot.receive_scripts import DEDUPE_KEPT
from tests.docs.doc_pages import read

RUNNER = re.sub(r"\s+", " ", read(Path("docs/explanation/runner.md")))
DURABLE = re.sub(r"\s+", " ", read(Path("docs/explanation/durable-execution.md")))
ANSWERS = read(Path("docs/reference/answers.md"))


def test_what_a_process_is_limited_to_is_what_the_page_says() -> None:
    assert f"{MOST_FILE_BYTES // 2**30} GiB for one file, {MOST_FILES:,} open ones" in RUNNER
    assert f"{MOST_CHARACTERS // 2**20} MiB or {MOST_LINES:,} lines" in RUNNER


def test_how_long_processes_stay_and_sessions_wait_is_what_the_pages_say() -> None:
    assert IDLE_SECONDS == 60
    assert "for the next one of the same deployment, for a minute" in RUNNER
    assert PARK_SECONDS == 2
    assert "A wait of more than two seconds **parks**" in DURABLE


def test_how_often_a_session_is_tried_is_what_the_page_says() -> None:
    assert MOST_DEATHS == 3
    assert "tried three times at most" in RUNNER


def test_how_long_a_repetition_is_known_is_what_the_page_says() -> None:
    assert DEDUPE_KEPT.days == 1
    assert "the same came within a day" in ANSWERS
