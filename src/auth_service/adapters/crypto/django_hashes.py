"""Password hashes in the formats of Django, so that accounts can be taken over from there with their passwords.

Not among them: bcrypt, which takes a library that nothing else here needs, and the fast digests (MD5, SHA-1) that
Django itself keeps for tests only.
"""

import hashlib
import hmac
import re
from base64 import b64encode

# About two seconds of work each, several times what Django has ever asked for. A stored hash that asks for more was
# not made to protect anybody: it would stall sign-ins, or take the memory of the whole machine.
_MOST_ROUNDS = 5_000_000
_MOST_SCRYPT_MEMORY = 256 * 1024 * 1024
_MOST_SCRYPT_WORK = 2**22

_PBKDF2 = re.compile(r"pbkdf2_(sha256|sha1)\$([1-9][0-9]{0,7})\$([^$]+)\$([A-Za-z0-9+/]+=*)")
_SCRYPT = re.compile(r"scrypt\$([1-9][0-9]{0,7})\$([^$]+)\$([1-9][0-9]{0,3})\$([1-9][0-9]{0,3})\$([A-Za-z0-9+/]+=*)")
_SCRYPT_LENGTH = 64


def fits(password_hash: str, secret: bytes) -> bool | None:
    """Say whether the secret fits the hash, or None where it is in none of these formats or asks for too much."""
    if found := _PBKDF2.fullmatch(password_hash):
        digest, rounds, salt, wanted = found.groups()
        if int(rounds) > _MOST_ROUNDS:
            return None
        return _same(hashlib.pbkdf2_hmac(digest, secret, _bytes(salt), int(rounds)), wanted)
    if found := _SCRYPT.fullmatch(password_hash):
        work, salt, size, lanes, wanted = found.groups()
        return _fits_scrypt(secret, _bytes(salt), (int(work), int(size), int(lanes)), wanted)
    return None


def _fits_scrypt(secret: bytes, salt: bytes, cost: tuple[int, int, int], wanted: str) -> bool | None:
    n, r, p = cost
    memory = 128 * r * (n + p + 2)
    if memory > _MOST_SCRYPT_MEMORY or n * r * p > _MOST_SCRYPT_WORK:
        return None
    try:
        made = hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=2 * memory, dklen=_SCRYPT_LENGTH)
    except ValueError:  # n is no power of two
        return None
    return _same(made, wanted)


def _same(made: bytes, wanted: str) -> bool:
    return hmac.compare_digest(b64encode(made), wanted.encode())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
