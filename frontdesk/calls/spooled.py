"""Entries of the ledger as the spool holds them."""

from pydantic import TypeAdapter, ValidationError

from frontdesk.calls.entries import Entry, Outcome, Tick, Write

_WRITES = TypeAdapter(Write)


class Writes:
    """What the recorder must know of the ledger's entries; ticks never get here."""

    def encode(self, item: Entry) -> bytes:
        """For the spool."""
        return _WRITES.dump_json(_write(item))

    def decode(self, record: bytes) -> Entry:
        """From the spool. Raises ValueError when it is not one."""
        try:
            return _WRITES.validate_json(record)
        except ValidationError:
            raise ValueError("not an entry of the ledger") from None

    def keys(self, item: Entry) -> frozenset[str]:
        """Ids of the calls."""
        write = _write(item)
        ids = frozenset(fact.call_id for fact in write.facts)
        return ids | {write.call.id} if write.call else ids

    def blocked(self, item: Entry) -> frozenset[str]:
        """The call that it opens: whoever looks for it must not hear that there is none."""
        write = _write(item)
        return frozenset({write.call.id}) if write.call else frozenset()

    def since(self, item: Entry) -> float:
        """When it was first recorded, UTC seconds."""
        return _write(item).received_at

    def unfinished(self, item: Entry, result: Outcome) -> Entry | None:
        """The facts of calls that the ledger does not know."""
        if not result.unknown:
            return None
        write = _write(item)
        return Write(write.received_at, tuple(fact for fact in write.facts if fact.call_id in result.unknown))


def _write(entry: Entry) -> Write:
    if isinstance(entry, Tick):
        raise TypeError("A tick is not for the spool")
    return entry
