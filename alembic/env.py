"""Runs migrations on the connection that `app.store.migrations` hands over."""

from alembic import context
from app.store.models import Row

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Row.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
