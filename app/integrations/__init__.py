"""What one can do with integrations: verbs, checks, and requests through them."""
