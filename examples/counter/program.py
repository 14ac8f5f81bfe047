"""Counters that outlive sessions, in the workflow's key-value store."""

from aetherflow import Event, add_values, del_value, get_value, http_outcome


def serve(event: Event) -> None:
    """Count with POST, show with GET and forget with DELETE; the path below the URL names the counter."""
    name = event.data.url.path_suffix
    if event.event_type == "delete":
        del_value(name)
        http_outcome(204)
        return
    # Indivisible, so that of two requests at the same time both count.
    count = add_values(name, 1) if event.event_type == "post" else get_value(name) or 0
    http_outcome(json={"counter": name, "count": count})
