"""What the benchmarks publish: events with numbered ids and a payload of an ordinary size.

An id is `bench-<tag>-<ten digits>`: the tag belongs to one run of the service, so that ids never repeat in
a database, and the digits are the event's number, which is all that the receiver keeps.
"""

from dataclasses import dataclass

import orjson

ID_PREFIX = b"bench-"
NUMBER_DIGITS = 10
EVENT_TYPE = "workflow.completed"

# About 400 bytes, the size of an ordinary event of the catalogue with two steps.
DATA = orjson.dumps(
    {
        "workflow": {
            "id": "wf_0190f5fe7c3d7a0ab2b5e4c1d2f30001",
            "name": "Nightly import of orders",
            "status": "completed",
            "execution_time": 2712,
            "executed_at": "2026-01-15T10:29:57.120Z",
        },
        "steps": [
            {"id": "step_1", "name": "Fetch the day's orders", "status": "completed", "duration": 1480},
            {"id": "step_2", "name": "Write them to the store", "status": "completed", "duration": 1232},
        ],
        "custom_data": {"orders": 1289, "currency": "EUR"},
    }
)


@dataclass(frozen=True, slots=True)
class Template:
    """Writes events of the given types, taken in turn by number."""

    tag: str
    types: tuple[str, ...] = (EVENT_TYPE,)

    def pieces(self) -> list[tuple[bytes, bytes]]:
        """For each type what stands before and after the digits of the id."""
        return [
            (
                b'{"event":"%s","id":"%s%s-' % (name.encode(), ID_PREFIX, self.tag.encode()),
                b'","data":%s}' % DATA,
            )
            for name in self.types
        ]
