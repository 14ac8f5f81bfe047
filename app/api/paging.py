"""Lists: newest first, a page at a time, continued by cursor."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.api.parameters import Parameters, read_whole_number
from app.api.validation import Moment, refuse_nul
from app.rules.ids import IdPrefix, lowest_id
from app.store.columns import from_microseconds, to_microseconds
from app.store.cursors import digest_list, foreign_cursor, make_cursor, read_cursor
from app.store.database import Tx

T = TypeVar("T")
Item = TypeVar("Item")

# The longest that may pass between a row's time of creation and the making of its id.
ID_DELAY = timedelta(minutes=1)

# The last moment to which that can be added.
LAST_MOMENT = datetime.max.replace(tzinfo=UTC) - ID_DELAY


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` is null at its end."""

    data: list[Item]
    next_cursor: str | None


class ListQuery(Parameters):
    """The parameters of every list."""

    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(read_whole_number)] = 50
    cursor: str | None = None


class TimedListQuery(ListQuery):
    """A list that can be cut to a span of time: `since` inclusive, `until` exclusive."""

    since: Moment | None = None
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """How the rows of a list follow each other.

    Ids that we make begin with their millisecond, so ordering by them is ordering by creation, and an index on
    them serves filters by time too. Where callers choose ids, the time of creation comes first.
    """

    created_at: InstrumentedAttribute[Any]
    row_id: InstrumentedAttribute[str]
    prefix: IdPrefix | None

    def position(self, row: Any) -> list[Any]:
        """Return what tells where a row stands."""
        created_at, row_id = getattr(row, self.created_at.key), getattr(row, self.row_id.key)
        return [row_id] if self.prefix else [to_microseconds(created_at), row_id]

    def after(self, position: list[Any]) -> ColumnElement[bool]:
        """Return the condition that a row comes after a position, in descending order.

        Raises:
            ValueError, TypeError, OverflowError: it is no position of such a list.
        """
        if self.prefix:
            (row_id,) = position
            return self.row_id < read_id(row_id)
        microseconds, row_id = position
        return tuple_(self.created_at, self.row_id) < (from_microseconds(microseconds), read_id(row_id))

    def within(self, since: datetime | None, until: datetime | None) -> Iterator[ColumnElement[bool]]:
        """Return the conditions that a row was created at `since` or later and before `until`."""
        if since is not None:
            yield self.created_at >= since
            if self.prefix:
                yield self.row_id >= lowest_id(self.prefix, since)
        if until is not None:
            yield self.created_at < until
            if self.prefix:
                yield self.row_id < lowest_id(self.prefix, min(until, LAST_MOMENT) + ID_DELAY)


async def read_page(
    tx: Tx,
    statement: Select[T],
    query: ListQuery,
    *,
    workspace_id: str,
    order: Order,
    show: Callable[[T], Item],
) -> Page[Item]:
    """Return the page of `statement` that `query` asks for, newest first.

    Raises:
        InvalidCursor: the cursor is of another list.
    """
    filters = query.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
    digest = digest_list([order.row_id, workspace_id, sorted(filters.items())])
    if isinstance(query, TimedListQuery):
        statement = statement.where(*order.within(query.since, query.until))
    if query.cursor is not None:
        try:
            statement = statement.where(order.after(read_cursor(query.cursor, digest)))
        except (ValueError, TypeError, OverflowError):
            raise foreign_cursor() from None
    columns = [order.row_id] if order.prefix else [order.created_at, order.row_id]
    statement = statement.order_by(*(column.desc() for column in columns)).limit(query.limit + 1)
    rows: Sequence[Any] = (await tx.scalars(statement)).all()
    more = len(rows) > query.limit
    return Page(
        data=[show(row) for row in rows[: query.limit]],
        next_cursor=make_cursor(digest, order.position(rows[query.limit - 1])) if more else None,
    )


def read_id(value: Any) -> str:
    """Return the id in a cursor, which callers can take apart after all.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError("an id is a text")
    return refuse_nul(value)
