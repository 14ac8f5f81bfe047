"""How often each fault test runs: `FAULT_ROUNDS=10 python -m pytest tests/faults`."""

import os

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
