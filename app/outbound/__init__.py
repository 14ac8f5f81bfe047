"""What one can do with events, endpoints and deliveries: verbs and queries."""
