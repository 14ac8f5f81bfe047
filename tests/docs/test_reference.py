"""The reference says what the code says."""

import re

import aetherflow
import pytest
from pydantic import BaseModel

from app.errors import AetherFlowError
from app.rules.answer_headers import ORIGIN_WIDE, SERVERS_OWN
from app.rules.manifest import ConnectionSpec, Manifest, TriggerSpec, VarSpec, VerifySpec
from app.settings import PREFIX, Settings
from docs.generate import PAGES
from docs.generate.errors import FOLDER, error_classes, opening_of, page_of
from tests.checkout import ROOT

ERRORS = {one.code: one for one in error_classes()}
ANSWERS = (ROOT / "docs" / "reference" / "answers.md").read_text()


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_generator_would_write_now(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == PAGES[name](), "run `python -m docs.generate` and look at what has changed"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_reference_with_what_it_does(name: str) -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert f"| `{PREFIX}{name.upper()}` |" in text
    description = Settings.model_fields[name].description
    assert description
    assert description[-1] == "."


@pytest.mark.parametrize("name", aetherflow.__all__)
def test_everything_that_a_handler_can_call_is_in_the_reference(name: str) -> None:
    assert f"\n### {name}\n" in (ROOT / "docs" / "reference" / "sdk.md").read_text()


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_has_a_page_with_its_cause_and_its_fix(code: str) -> None:
    text = page_of(code).read_text()
    assert text.startswith(opening_of(ERRORS[code]))
    cause, _, fix = text.removeprefix(opening_of(ERRORS[code])).partition("\n\n## Fix\n\n")
    assert len(cause.split()) >= 3
    assert len(fix.split()) >= 3


def test_no_page_is_about_an_error_that_does_not_exist() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(ERRORS)


def test_two_errors_that_differ_have_codes_that_differ() -> None:
    codes = [one.code for one in error_classes()]
    assert len(codes) == len(set(codes))
    assert AetherFlowError.code in codes


@pytest.mark.parametrize("model", [Manifest, TriggerSpec, VerifySpec, VarSpec, ConnectionSpec])
def test_every_key_of_a_manifest_is_in_the_reference_with_what_it_means(model: type[BaseModel]) -> None:
    text = (ROOT / "docs" / "reference" / "manifest.md").read_text()
    for key in model.model_fields:
        written = "dedupe: {header}" if key == "dedupe_header" else key
        (meaning,) = set(re.findall(rf"^\| `{written}` \|.*\| (.*) \|$", text, re.MULTILINE)[:1])
        assert meaning.endswith("."), key


@pytest.mark.parametrize(
    ("status", "code"), re.findall(r"^\| .* \| (\d{3})[^|]*\| `(\w+)` \|$", ANSWERS, re.MULTILINE)
)
def test_the_table_of_answers_names_codes_with_their_statuses(status: str, code: str) -> None:
    assert ERRORS[code].status == int(status)


def test_the_table_of_answers_has_each_way_in_which_a_handler_gives_none() -> None:
    for code in ("handler_failed", "session_stopped", "handler_timeout", "bad_signature"):
        assert f"| `{code}` |" in ANSWERS


def test_the_page_about_answers_names_the_headers_that_are_left_out() -> None:
    for name in SERVERS_OWN | ORIGIN_WIDE:
        assert f"`{name}`" in ANSWERS.lower()
