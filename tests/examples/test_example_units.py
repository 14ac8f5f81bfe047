"""The tests that come with the examples pass when their authors run them."""

import os
import subprocess
import sys

import pytest

from app.providers import PROVIDERS
from app.rules.manifest import read_manifest
from tests.checkout import ROOT
from tests.examples.deployed_example import EXAMPLES, FOLDER, files_of

TIMEOUT_SECONDS = 30


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_unit_tests_of_an_example_pass(name: str) -> None:
    done = subprocess.run(
        # Without the settings and plugins of this project, which an author does not have.
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider"],
        cwd=FOLDER / name,
        env={
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_deployed_without_a_warning(name: str) -> None:
    files = {path: text.encode() for path, text in files_of(name).items()}
    assert read_manifest(files, providers=[provider.name for provider in PROVIDERS]).warnings == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_shows(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text()
    assert text.startswith("# ")
    assert f"]({name}/README.md)" in (ROOT / "examples" / "README.md").read_text()
