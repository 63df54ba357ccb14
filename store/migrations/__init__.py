"""The schema's history: Alembic revisions that run alike on SQLite and PostgreSQL."""
