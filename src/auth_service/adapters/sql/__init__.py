"""Storage in SQL: SQLite in the process, or PostgreSQL beside it.

`rows` says what is stored, `statements` what is ever asked of it, `sqlite` and `engine` how a statement gets to the
database and back, and `users`, `sessions`, `outbox`, `store` are the ports.
"""
