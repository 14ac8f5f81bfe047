"""Reproducible benchmarks: `make bench` runs them, see `bench.__main__`.

Receiver and load generator are processes of their own and speak HTTP at the level of the protocol, because
they share the machine with the service: what they cost is stated with every result.
"""
