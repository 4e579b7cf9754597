"""Alembic's environment. A released revision is never edited: a change of the schema is a new one."""
