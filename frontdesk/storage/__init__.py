"""Where everything durable goes: one database (a SQLite file, or PostgreSQL by URL) and a spool beside it.

tables        the one MetaData that every folder's `tables.py` adds to
database      engines: one writer and readers on SQLite, a pool on PostgreSQL
group_commit  many small writes that share one commit
recorder      a group commit that never waits long: what the database does not take goes to the spool
spool         synced files for that; backlog: how they get into the database
statement     SQL that is compiled once
"""
