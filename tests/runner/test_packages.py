"""Requirements of a deployment: installed once, from wherever pip finds them, or a reason why not."""

import asyncio
import sys
import zipfile
from pathlib import Path

import pytest

from app.runner.packages import InstallFailedError, Packages

WHEEL = "tinydep-1.0-py3-none-any.whl"
INFO = "tinydep-1.0.dist-info"


def write_wheel(folder: Path) -> None:
    """Write a package that pip installs without asking any index."""
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("tinydep.py", "ANSWER = 42\n")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: tinydep\nVersion: 1.0\n")
        wheel.writestr(
            f"{INFO}/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(
            f"{INFO}/RECORD", f"tinydep.py,,\n{INFO}/METADATA,,\n{INFO}/WHEEL,,\n{INFO}/RECORD,,\n"
        )


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    folder = tmp_path / "deployed"
    folder.mkdir()
    write_wheel(folder)
    return folder


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    return Packages(tmp_path / "packages", python=sys.executable)


async def test_what_is_required_is_installed_where_handlers_find_it(
    packages: Packages, deployed: Path
) -> None:
    (deployed / "requirements.txt").write_text(f"./{WHEEL}\n")
    folder = await packages.install(deployed, digest="a")
    assert folder is not None
    assert (folder / "tinydep.py").read_text() == "ANSWER = 42\n"


async def test_who_requires_the_same_gets_the_same_folder_installed_once(
    packages: Packages, deployed: Path
) -> None:
    (deployed / "requirements.txt").write_text(f"./{WHEEL}\n")
    first, second = await asyncio.gather(
        packages.install(deployed, digest="a"), packages.install(deployed, digest="a")
    )
    assert first == second
    assert first is not None
    marker = first / "marker"
    marker.touch()
    assert await packages.install(deployed, digest="a") == first
    assert marker.exists()


async def test_a_path_of_another_deployment_is_another_package(packages: Packages, deployed: Path) -> None:
    (deployed / "requirements.txt").write_text(f"./{WHEEL}\n")
    assert await packages.install(deployed, digest="a") != await packages.install(deployed, digest="b")


async def test_without_requirements_nothing_is_installed(packages: Packages, deployed: Path) -> None:
    assert await packages.install(deployed, digest="a") is None


async def test_what_pip_refuses_is_told_and_tried_again_the_next_time(
    packages: Packages, deployed: Path
) -> None:
    (deployed / "requirements.txt").write_text("./missing-1.0-py3-none-any.whl\n")
    with pytest.raises(InstallFailedError, match="missing"):
        await packages.install(deployed, digest="a")
    (deployed / WHEEL).rename(deployed / "missing-1.0-py3-none-any.whl")
    with pytest.raises(InstallFailedError):
        await packages.install(deployed, digest="a")
    assert not list(deployed.parent.glob("packages/*"))


async def test_an_installation_that_takes_too_long_is_ended(tmp_path: Path, deployed: Path) -> None:
    (deployed / "requirements.txt").write_text(f"./{WHEEL}\n")
    hurried = Packages(tmp_path / "packages", python=sys.executable, timeout_seconds=0.01)
    with pytest.raises(InstallFailedError, match=r"0\.01 seconds"):
        await hurried.install(deployed, digest="a")
