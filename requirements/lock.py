"""Writes the hash-locked requirement files from `pyproject.toml`.

`aetherflow`, the client that lies in this repository, is left out: set-up installs it from its folder.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
OPTIONS = [
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--quiet",
]
FILES = {"run.txt": ["build"], "test.txt": ["build", "test"]}


def main() -> None:
    """Compiles each file of FILES with the extras that it names."""
    project = (FOLDER.parent / "pyproject.toml").read_text().replace('  "aetherflow",\n', "")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "pyproject.toml")
        source.write_text(project)
        for name, extras in FILES.items():
            subprocess.run(
                [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *OPTIONS]
                + [f"--extra={extra}" for extra in extras]
                + ["-o", str(FOLDER / name)],
                cwd=folder,
                check=True,
            )


if __name__ == "__main__":
    main()
