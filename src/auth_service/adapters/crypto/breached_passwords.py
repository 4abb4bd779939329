"""Passwords known from thefts elsewhere, as a filter that ships small and works offline.

Four hundred thousand passwords would be megabytes to ship and tens of them in memory. A Bloom filter (Bloom, 1970) is
one megabyte, mapped and not read, names nobody's password, and mistakes one new password in ten thousand for a known
one: somebody then chooses another. `LICENSES/README.txt` says where the list comes from and how the filter was made.
"""

import hashlib
import math
import mmap
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_MISTAKEN = 1e-4
_PROBES = round(-math.log2(_MISTAKEN))
_FILE = Path(__file__).with_name("breached-passwords.bloom")


class BreachedPasswords:
    """Says whether a password is known, in lower case; now and then that one is which is not, and never the reverse."""

    def __init__(self, bits: bytes | mmap.mmap) -> None:
        self._bits = bits
        self._count = 8 * len(bits)

    def __contains__(self, password: object) -> bool:
        return isinstance(password, str) and all(
            self._bits[place >> 3] & (1 << (place & 7)) for place in _places(password, self._count)
        )


def pack(passwords: Iterable[str]) -> bytes:
    """Make a filter of passwords."""
    known = set(passwords)
    size = math.ceil(len(known) * _PROBES / math.log(2) / 8)
    bits = bytearray(size)
    for password in known:
        for place in _places(password, 8 * size):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


@cache
def load_breached_passwords() -> BreachedPasswords:
    """Return the filter that is shipped; only the pages of it that are looked at come into memory."""
    with _FILE.open("rb") as file:
        return BreachedPasswords(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _places(password: str, count: int) -> Iterator[int]:
    """Return where a password is marked: two hashes stand in for all (Kirsch and Mitzenmacher, 2006)."""
    digest = hashlib.blake2b(password.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big") | 1
    return ((first + number * step) % count for number in range(_PROBES))
