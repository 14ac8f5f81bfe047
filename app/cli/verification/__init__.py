"""The command that says step by step whether a delivery is genuine, and if not, why."""
