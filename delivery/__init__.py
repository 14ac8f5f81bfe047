"""The outbound worker: it takes deliveries that are due, sends them, and records what came of it."""
