"""Tenants and who may act for them: verbs and queries."""
