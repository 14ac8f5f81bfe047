"""The process that a handler runs in: how it is forked, what it says to the service, how it remembers.

Started by the service, never by an author. Nothing here imports anything but the standard library and this package.
"""

from __future__ import annotations
