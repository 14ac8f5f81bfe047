"""Where this checkout lies, and the command that was installed from it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = Path(sys.executable).with_name("aetherflow")
