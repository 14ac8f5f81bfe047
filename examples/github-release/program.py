"""A provider's webhooks, of which only some start anything."""

from aetherflow import Event, emit, get_value, http_outcome, set_value


def on_release(event: Event) -> None:
    """Remember a release and tell those who subscribe. The filter lets nothing else come here."""
    payload = event.data.body.json
    release = {"repository": payload.repository.full_name, "tag": payload.release.tag_name}
    set_value(f"latest/{release['repository']}", release["tag"])
    emit("release.published", {"release": release})
    print(f"{release['repository']} has {release['tag']}")


def show_latest(event: Event) -> None:
    """Answer with the newest release of the repository that the path names."""
    repository = event.data.url.path_suffix
    tag = get_value(f"latest/{repository}")
    if tag is None:
        http_outcome(404, json={"error": f"No release of {repository} has come."})
    else:
        http_outcome(json={"repository": repository, "tag": tag})
