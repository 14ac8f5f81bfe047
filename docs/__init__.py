"""The documentation, and what writes the pages of its reference."""
