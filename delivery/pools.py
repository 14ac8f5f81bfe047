"""Open connections between two requests.

Kept by scheme, name and port, never by address: a certificate was checked for its name, and another name
at the same address is somebody else. The connection used last is used first, so that what a burst left
behind grows idle and goes away.
"""

import asyncio

from delivery.http1 import Connection, Origin

# Twice the highest concurrency of one endpoint would never be used; open sockets are a limited resource
# of the process, and of the receivers.
_IDLE_PER_ORIGIN = 256
_IDLE_IN_ALL = 2000

# Taking looks at the time itself. The sweep only frees what nobody asks for, so it need not be exact.
_SWEEP_SECONDS = 0.5


class Pools:
    """The idle connections of one event loop."""

    def __init__(self, *, idle_per_origin: int = _IDLE_PER_ORIGIN, idle_in_all: int = _IDLE_IN_ALL) -> None:
        self._idle_per_origin = idle_per_origin
        self._idle_in_all = idle_in_all
        # Of each connection, the time of the loop until which it may be used. A dict is a stack from
        # whose middle a lost connection can be taken as cheaply as from its end.
        self._idle: dict[Origin, dict[Connection, float]] = {}
        self._count = 0
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed = False
        # Asked for once, because asking costs a system call.
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return self._count

    def take(self, origin: Origin) -> Connection | None:
        """The connection to this origin that was used last, or None; it is the caller's now."""
        stack = self._idle.get(origin)
        if not stack:
            return None
        now = self._loop.time()
        while stack:
            connection, idle_until = stack.popitem()
            self._count -= 1
            connection.on_loss = None
            if now < idle_until and connection.is_quiet:
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keeps a connection whose latest exchange left it reusable, or closes it if there are enough."""
        stack = self._idle.get(connection.origin)
        if stack is None:
            stack = self._idle[connection.origin] = {}
        if self._closed or self._count >= self._idle_in_all or len(stack) >= self._idle_per_origin:
            connection.close()
            return
        stack[connection] = self._loop.time() + connection.idle_seconds
        self._count += 1
        connection.on_loss = self._forget
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """Closes what is idle, and from now on whatever is put."""
        self._closed = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        for stack in self._idle.values():
            for connection in tuple(stack):
                connection.abort()
        self._idle.clear()

    def _forget(self, connection: Connection) -> None:
        del self._idle[connection.origin][connection]
        self._count -= 1

    def _sweep(self) -> None:
        now = self._loop.time()
        for origin, stack in tuple(self._idle.items()):
            for connection, idle_until in tuple(stack.items()):
                if idle_until <= now:
                    connection.close()  # which calls `_forget`
            if not stack:
                del self._idle[origin]
        self._sweep_timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if self._idle else None
