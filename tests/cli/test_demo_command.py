"""`aetherflow demo`."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.checkout import COMMAND
from tests.processes import free_port
from tests.services import run
from tests.waiting import until


def test_the_demo_goes_the_whole_path_and_leaves_nothing(tmp_path: Path) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    done = run("demo", environment={"TMPDIR": str(temporary)}, folder=work)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(re.fullmatch(r" *\d+ ms  \S.*", line) for line in lines)
    steps = "Started", "Registered", "Deployed", "Triggered", "Received", "Received", "Delivery", "Stopped"
    assert [line.split("ms  ")[1].split()[0] for line in lines] == list(steps)
    assert 'answered 200 {"text":"Hello, Ada!"}' in done.stdout
    assert "Received workflow.executed and verified its signature" in done.stdout
    assert "Received workflow.completed and verified its signature" in done.stdout
    assert "succeeded: attempt 1 was answered 204" in done.stdout
    assert done.stderr == ""
    assert list(work.iterdir()) == list(temporary.iterdir()) == []


def test_the_demo_heeds_no_setting(tmp_path: Path) -> None:
    environment = {
        "AETHERFLOW_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "AETHERFLOW_REDIS_URL": "redis://127.0.0.1:1/0",
        "AETHERFLOW_KEYRING": "not a keyring",
        "AETHERFLOW_PORT": "none",
        "AETHERFLOW_HOST": "203.0.113.1",
        "AETHERFLOW_PUBLIC_URL": "http://127.0.0.1",
        "AETHERFLOW_URL": f"http://127.0.0.1:{free_port()}",
        "AETHERFLOW_EGRESS_ALLOW": "",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }
    done = run("demo", environment=environment, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_demo_that_is_stopped_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [str(COMMAND), "demo"], cwd=work, env=environment, stderr=subprocess.PIPE, text=True
    ) as demo:
        until(lambda: list(temporary.iterdir()), what="the demo has made its folder", timeout_seconds=30)
        demo.send_signal(signal.SIGTERM)
        _, said = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert said == "aetherflow: the demo was stopped before its end.\n"
    assert list(work.iterdir()) == list(temporary.iterdir()) == []
