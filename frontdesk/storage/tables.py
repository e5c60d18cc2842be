"""The MetaData that all tables belong to, and the column types that they share.

Times are UTC seconds since 1970 with fractions; ids are text; the database does not look into JSON.
"""

from sqlalchemy import JSON, Column, Double, MetaData, Table, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Seconds = Double
Json = JSON(none_as_null=True)

notes = Table(
    "notes",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="What the installation remembers of itself, such as its id in room names.",
)

gateways = Table(
    "gateways",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("started_at", Seconds, nullable=False),
    Column("seen_at", Seconds, nullable=False),
    comment="Running gateways; one that was not seen for a while is dead and its launches are taken over.",
)
