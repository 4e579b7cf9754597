"""Runs revisions on the connection that `schema.upgrade` hands over, inside its transaction."""

from alembic import context

from assets.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
