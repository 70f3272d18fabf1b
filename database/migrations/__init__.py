"""The schema's history (Alembic) and how a database is brought up to date."""
