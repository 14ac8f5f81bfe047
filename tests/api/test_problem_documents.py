"""Problem documents as they are written."""

import orjson

from app.api.problems import describe
from app.errors import InvalidManifest, Problem


def test_a_problem_names_a_file_and_a_line_only_when_it_has_them() -> None:
    problems = [
        Problem("/version", "is missing", file="aetherflow.yaml", line=1),
        Problem("", "cannot be read", file="app.py"),
        Problem("/url", "is missing", "missing"),
    ]
    document = orjson.loads(describe(InvalidManifest("Two mistakes.", problems=problems), request_id="r"))
    assert document["code"] == "invalid_manifest"
    assert document["errors"] == [
        {
            "path": "/version",
            "message": "is missing",
            "code": "invalid",
            "file": "aetherflow.yaml",
            "line": 1,
        },
        {"path": "", "message": "cannot be read", "code": "invalid", "file": "app.py"},
        {"path": "/url", "message": "is missing", "code": "missing"},
    ]
