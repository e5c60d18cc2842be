"""Where everything durable goes: one database (a SQLite file, or PostgreSQL by URL) and a spool beside it.

tables        the one MetaData that every folder's `tables.py` adds to
database      engines: one writer and readers on SQLite, a pool on PostgreSQL
group         many small writes that share one commit
spool         an fsynced file for what the database could not take in time
migrations    Alembic, the same for both databases
"""
