from aetherflow.testing import make_event, run
from program import on_release, show_latest

RELEASE = {
    "action": "published",
    "repository": {"full_name": "octo/cat"},
    "release": {"tag_name": "v1.2.0"},
}


def test_a_release_is_remembered_and_published() -> None:
    result = run(on_release, make_event(json=RELEASE, headers={"X-GitHub-Event": "release"}))
    assert result.values == {"latest/octo/cat": "v1.2.0"}
    assert result.emitted == [("release.published", {"release": {"repository": "octo/cat", "tag": "v1.2.0"}})]


def test_the_newest_release_of_a_repository_can_be_asked_for() -> None:
    values = {"latest/octo/cat": "v1.2.0"}
    known = run(show_latest, make_event(method="GET", path="octo/cat"), values=values)
    assert known.response.json() == {"repository": "octo/cat", "tag": "v1.2.0"}
    unknown = run(show_latest, make_event(method="GET", path="octo/dog"), values=values)
    assert unknown.response.status_code == 404
