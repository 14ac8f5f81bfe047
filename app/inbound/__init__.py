"""Verbs of the inbound half: deploying workflows, receiving requests, sessions and what they leave."""
