"""The books cannot be read or written."""

from typing import ClassVar

from frontdesk.errors.base import FrontdeskError


class StorageError(FrontdeskError):
    """The books cannot be read or written."""

    code: ClassVar[str] = "storage_failed"
    title: ClassVar[str] = "The books cannot be read or written"


class DatabaseInUseError(StorageError):
    """Another gateway works on the same SQLite file."""

    code: ClassVar[str] = "database_in_use"
    title: ClassVar[str] = "Another gateway works on this SQLite file"
    advice: ClassVar[str] = (
        "One gateway at a time may use a SQLite file. Stop the other one, give this one its own "
        "DATABASE_URL, or use PostgreSQL, which several gateways can share."
    )


class DatabaseUrlError(StorageError):
    """The address of the database cannot be used."""

    code: ClassVar[str] = "database_url_invalid"
    title: ClassVar[str] = "The address of the database cannot be used"
    advice: ClassVar[str] = (
        "Give DATABASE_URL as sqlite:///folder/file.db or postgresql://user@host/database."
    )


class NotRecordedError(StorageError):
    """Something that happened to a call could be entered neither in the database nor in the spool."""

    code: ClassVar[str] = "not_recorded"
    status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True
    title: ClassVar[str] = "This could not be recorded"
    advice: ClassVar[str] = (
        "Neither the database nor the folder SPOOL_DIR takes it: check both, and the space on the disk."
    )
