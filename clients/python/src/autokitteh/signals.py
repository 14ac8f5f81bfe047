"""`autokitteh.signals`."""

from aetherflow.waiting import Signal, next_signal, signal

__all__ = ["Signal", "next_signal", "signal"]
