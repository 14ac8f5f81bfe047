"""Describes the machine and the versions that a result belongs to."""

import asyncio
import os
import platform
import re
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

import asyncpg

from bench.stack import Backing

SYNC_ROUNDS = 200
PAGE = bytes(8192)  # a page of PostgreSQL's log
POSTGRES_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_connections")
PACKAGES = ("uvloop", "httptools", "asyncpg", "redis", "arq", "fastapi", "uvicorn", "sqlalchemy")


def describe_machine() -> dict[str, str]:
    """Processor, memory, disk, kernel, interpreter and the state of the source."""
    middle, slow = sync_milliseconds()
    memory_kb = int(find(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()))
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_kb / 1024**2:.1f} GiB",
        "kernel": platform.release(),
        "fdatasync of 8 KiB": f"{middle:.2f} ms (median), {slow:.2f} ms (p99), where the databases lie",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        "SQLite": f"{sqlite3.sqlite_version}, WAL, synchronous=FULL as the service sets it",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "commit": commit(),
    }


def describe_backing(backing: Backing) -> dict[str, str]:
    """Versions of PostgreSQL and Redis, and what PostgreSQL itself says about durability."""
    settings = asyncio.run(show(backing.postgres.url(), POSTGRES_SETTINGS))
    return {
        "PostgreSQL": first_version(backing.postgres.command[0]),
        "PostgreSQL's settings": ", ".join(f"{name} = {value}" for name, value in settings.items()),
        "Redis": f"{first_version(backing.redis.command[0])}, no persistence",
    }


def short_name() -> str:
    """A few words for file names, such as `amd-epyc-2-cores`."""
    words = re.findall(r"[a-z0-9]+", processor().lower().replace("(r)", "").replace("(tm)", ""))
    return "-".join([*words[:3], str(os.cpu_count()), "cores"])


def processor() -> str:
    """The processor's name as the kernel tells it."""
    return find(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()) or platform.machine()


def sync_milliseconds() -> tuple[float, float]:
    """Median and 99th percentile of what it takes to append a page and have it on the disk."""
    taken = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(SYNC_ROUNDS):
            started = time.perf_counter()
            file.write(PAGE)
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - started) * 1000)
    return median(taken), sorted(taken)[SYNC_ROUNDS * 99 // 100 - 1]


def commit() -> str:
    """The commit that was measured, and whether the working tree differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()

    changed = ", with uncommitted changes" if git("status", "--porcelain", "--", "app", "delivery") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed


def first_version(program: str) -> str:
    """The first version number that a program prints about itself."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return find(r"(\d+(?:\.\d+)+)", said)


async def show(url: str, names: Sequence[str]) -> dict[str, str]:
    """The values of some of PostgreSQL's settings."""
    connection = await asyncpg.connect(url)
    try:
        return {name: str(await connection.fetchval(f"SHOW {name}")) for name in names}
    finally:
        await connection.close()


def find(pattern: str, text: str) -> str:
    """What the pattern's group matches first; empty when nothing does."""
    found = re.search(pattern, text)
    return found[1].strip() if found else ""
