"""Performs sessions: user code in processes of its own, and what it asks of the service.

User code never runs in the process of the API or of a worker. What runs it is contained against mistakes, not
against malice; `docs/explanation/runner.md` says what that means.
"""
