"""The commands in README and docs do what the pages say, against the service as `make dev` starts it.

A page is read like a person would: its `bash` blocks run one after the other in one shell. A `json` block is what
the command before it answers, a `text` block what comes to stand on the screen.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.docs.doc_pages import Block, blocks, pages, read
from tests.docs.likeness import differences, find_object
from tests.docs.shell import Shell
from tests.processes import free_port, temporary_folder
from tests.services import Program
from tests.waiting import until

RUNNABLE = [page for page in pages() if any(block.language == "bash" for block in blocks(read(page)))]

# What pages write, and tests replace: other programs of this machine may listen there.
SERVICE = "127.0.0.1:8400"
RECEIVER = "9000"


@dataclass(frozen=True, slots=True)
class Dev:
    """A running `aetherflow dev`."""

    address: str
    api_key: str


@pytest.fixture
def dev() -> Iterator[Dev]:
    port = free_port()
    with temporary_folder() as folder:
        environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "AETHERFLOW_PORT": str(port),
        }
        with Program("dev", name="dev", folder=folder, environment=environment, port=port) as program:
            until(lambda: "\nReady" in program.log.read_text(), what="dev says that it is ready")
            found = re.search(r"^API key: (afk_\w+)$", program.log.read_text(), re.MULTILINE)
            assert found, program.log_tail()
            yield Dev(f"127.0.0.1:{port}", found[1])


def test_readme_and_tutorial_have_commands_to_run() -> None:
    assert {Path("README.md"), Path("docs/tutorial/first-delivery.md")} <= set(RUNNABLE)


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")) and os.environ.get("CI") != "true",
    reason="install curl and bash to run the commands of the documentation",
)
@pytest.mark.parametrize("page", RUNNABLE, ids=str)
def test_the_commands_of_a_page_do_what_it_says(page: Path, dev: Dev) -> None:
    receiver = str(free_port())
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "AETHERFLOW_API_KEY": dev.api_key}
    # The command line would look for the service where pages say that it is.
    environment["AETHERFLOW_URL"] = f"http://{dev.address}"
    with Shell(ROOT, environment) as shell:
        command = ""
        for block in blocks(read(page)):
            text = re.sub(rf"\b{RECEIVER}\b", receiver, block.text.replace(SERVICE, dev.address))
            if block.language == "bash":
                command, printed = text, shell.run(text)
                assert '"code":' not in printed, f"{text}\n{printed}"
            elif block.language == "json":
                check_answer(shell, command, printed, block)
            elif block.language == "text":
                line = text.strip()
                until(lambda line=line: line in shell.output, what=f"{line!r} is on the screen")


def check_answer(shell: Shell, command: str, printed: str, block: Block) -> None:
    """Compare an answer with the one that is shown; what only reads may be asked again until it is alike."""
    shown = find_object(block.text)
    answers = [find_object(printed)]

    def is_alike() -> bool:
        if not differences(shown, answers[-1]):
            return True
        if " -d " in command or " -X " in command:
            return False
        answers.append(find_object(shell.run(command)))
        return False

    try:
        until(is_alike, what="the answer is like the one that is shown")
    except AssertionError:
        raise AssertionError(f"{command}\n" + "\n".join(differences(shown, answers[-1]))) from None
