"""The names in a requirements.txt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.manifest import read_requirements


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("requests", "requests"),
        ("requests==2.32.3", "requests"),
        ("requests >= 2, < 3", "requests"),
        ("requests[socks,security]~=2.0", "requests"),
        ("requests; python_version < '3.12'", "requests"),
        ("requests @ https://example.com/requests.whl", "requests"),
        ("requests===2", "requests"),
        ("requests!=2.0 # not that one", "requests"),
        ("requests (>=2)", "requests"),
        ("requests==2 --hash=sha256:00", "requests"),
        ("requests==2 \\\n    --hash=sha256:00", "requests"),
        ("  Zope.Interface_x-y  ", "Zope.Interface_x-y"),
        ("a", "a"),
    ],
)
def test_a_line_names_a_distribution(line: str, name: str) -> None:
    assert read_requirements(line) == [name]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# requests",
        "-r other.txt",
        "--pre",
        "-e .",
        "./local",
        "/local.whl",
        "local.whl/",
        "https://example.com/requests.whl",
        "git+https://example.com/requests.git",
        "requests-",
    ],
)
def test_other_lines_name_none(line: str) -> None:
    assert read_requirements(line) == []


def test_a_distribution_is_named_once_in_the_order_of_the_file() -> None:
    assert read_requirements("b\r\na_x==1\nA-X\na.x\nc") == ["b", "a_x", "c"]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert all(name.strip() for name in read_requirements(text))
