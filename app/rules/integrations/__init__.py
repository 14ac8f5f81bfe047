"""Integrations as they are decided about: what each kind takes, how requests are dressed, what answers mean."""
