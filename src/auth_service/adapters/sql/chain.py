"""The journal's chain: every record is sealed over the one before it, with a key that is not in the database.

Whoever can write the tables can change, remove, add or reorder records, but cannot make the seals fit again. The head
says which record is the last and which was the last that its age removed, so that neither end can be cut off unseen.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import Struct

BROKEN = "journal_broken"


class Record(Struct, frozen=True, kw_only=True):
    """One outcome as the journal keeps it; its `id` is its place in the chain."""

    id: int
    at: float
    what: str
    user_id: int | None
    session_id: str | None
    address: str
    agent: str
    why: str
    mac: str = ""


class Head(Struct, frozen=True, kw_only=True):
    """Both ends of the chain: its last record, and the last of those that are gone because of their age."""

    last_id: int = 0
    last_mac: str = ""
    gone_id: int = 0
    gone_mac: str = ""
    seal: str = ""


class Misfit(Struct, frozen=True):
    """The first place where the journal is not what was written."""

    id: int
    why: str


@dataclass(frozen=True, slots=True, repr=False)
class Chain:
    """Seals and checks. A record marked `BROKEN` may begin anew: the end it should follow was found damaged."""

    key: bytes

    @classmethod
    def keyed_by(cls, secret: str) -> "Chain":
        """Return the chain of an installation: its key comes of the secret, and the secret not of it."""
        return cls(hmac.digest(secret.encode(), b"auth-service: journal", "sha256"))

    def follow(self, before: str, record: Record) -> Record:
        """Return the record sealed over the one before it."""
        return msgspec.structs.replace(record, mac=self._mac(before, record))

    def close(self, head: Head) -> Head:
        """Return the head sealed."""
        return msgspec.structs.replace(head, seal=self._seal(head))

    def is_ours(self, head: Head) -> bool:
        """Say whether a head is as it was written; before the first record there is nothing to be sealed."""
        return head == Head() or hmac.compare_digest(self._seal(head), head.seal)

    def first_misfit(
        self, after: tuple[int, str], records: Iterable[Record], *, past_breaks: bool = False
    ) -> Misfit | None:
        """Return the first of these that does not follow on the place before it, and on id and seal given there.

        With `past_breaks`, what a record marked `BROKEN` tells of is known already.
        """
        last_id, last_mac = after
        for record in records:
            begins_anew = record.what == BROKEN and hmac.compare_digest(self._mac("", record), record.mac)
            if not (begins_anew and past_breaks):
                if record.id != last_id + 1:
                    return Misfit(last_id + 1, _missing(last_id + 1, record.id - 1))
                if not begins_anew and not hmac.compare_digest(self._mac(last_mac, record), record.mac):
                    return Misfit(record.id, "it was changed, moved, or put there by somebody else")
                if record.what == BROKEN and not past_breaks:
                    return Misfit(record.id, f"it says: {record.why}")
            last_id, last_mac = record.id, record.mac
        return None

    def _mac(self, before: str, record: Record) -> str:
        told = (
            record.id,
            record.at,
            record.what,
            record.user_id,
            record.session_id,
            record.address,
            record.agent,
            record.why,
        )
        return self._proof(("record", before, *told))

    def _seal(self, head: Head) -> str:
        return self._proof(("head", head.last_id, head.last_mac, head.gone_id, head.gone_mac))

    def _proof(self, told: tuple[object, ...]) -> str:
        # JSON, so that no text can be taken for the end of one field and the beginning of the next.
        return hmac.digest(self.key, msgspec.json.encode(told), "sha256").hex()


def _missing(first: int, last: int) -> str:
    return "it is missing" if first >= last else f"all from here to {last} are missing"
