"""What lets a stranger set the project up: locked requirements, the commands of README, no foreign paths."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Each lock and the extras of the project that it covers.
LOCKS = {"run.txt": ["build"], "test.txt": ["build", "test"]}
# Lies in this repository, and is installed from its folder.
OWN = "aetherflow"

# Written so that no pattern matches itself: this file is one of those that are searched.
REGISTRY = re.compile(
    r"""--(?:extra-)?index-url | --find[-]links | --trusted[-]host | "resolved":\s*"https?:
    | https?://(?:[\w.-]*pypi[\w.-]*/simple | files\.pythonhosted | registry\.npmjs | proxy\.golang)
    """,
    re.VERBOSE,
)
HOME = re.compile(r"(?<![\w.$}>-])/(?:root|home/[a-z]\w*|Users/[A-Za-z]\w*)/")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_versions_and_hashes_and_nothing_else(lock: str) -> None:
    for requirement in read_lock(lock):
        assert re.fullmatch(
            r"[\w.-]+(\[[\w,]+\])?==[\w.+!-]+( ; [^\\]+?)?( --hash=sha256:[0-9a-f]{64})+", requirement
        ), requirement[:80]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_what_the_project_depends_on(lock: str) -> None:
    locked = locked_versions(lock)
    extras = PROJECT["optional-dependencies"]
    for text in [*PROJECT["dependencies"], *(line for extra in LOCKS[lock] for line in extras[extra])]:
        wanted = Requirement(text)
        if wanted.name != OWN:
            version = locked.get(canonicalize_name(wanted.name))
            assert version is not None, f"{wanted.name} is not in {lock}; run `make lock`"
            assert wanted.specifier.contains(version), f"{text} is {version} in {lock}; run `make lock`"


def test_the_tests_run_with_the_versions_that_the_service_runs_with() -> None:
    assert locked_versions("run.txt").items() <= locked_versions("test.txt").items()


def test_every_make_target_that_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", readme, re.MULTILINE))
    assert named >= {"dev", "test"}
    assert named <= make_targets().keys()


@pytest.mark.parametrize("target", ["dev", "test", "check", "bench"])
def test_a_fresh_clone_needs_no_other_command_first(target: str) -> None:
    targets = make_targets()
    needed = {target}
    while more := {name for one in needed for name in targets.get(one, [])} - needed:
        needed |= more
    assert "setup" in needed


def test_continuous_integration_runs_what_readme_tells_everybody_to_run() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test"
    assert not re.search(r"\b(pip|apt-get|apk|dnf|npm|curl|wget)\b", " ".join(commands))


def test_no_tracked_file_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_bytes().decode(errors="ignore").splitlines(), 1)
        if REGISTRY.search(line) or HOME.search(line) or is_own_place_in(line)
    ]
    assert not found, "\n".join(found)


def read_lock(name: str) -> list[str]:
    """Return each requirement as one line; comments are left out."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def locked_versions(name: str) -> dict[str, str]:
    pinned = [Requirement(line.partition(" --hash")[0]) for line in read_lock(name)]
    return {canonicalize_name(one.name): next(iter(one.specifier)).version for one in pinned}


def make_targets() -> dict[str, list[str]]:
    """Return the rules of the Makefile: each target with what it needs."""
    rules = re.findall(r"^([a-z]+):(?!=)(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return {target: needs.split() for target, needs in rules}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def is_own_place_in(line: str) -> bool:
    """Whether a line names the folder of this checkout; one directly below the root has too common a name."""
    return len(ROOT.parts) > 2 and f"{ROOT}/" in line
