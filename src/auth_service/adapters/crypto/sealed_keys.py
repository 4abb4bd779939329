"""Signing keys as they are kept: the public half to read, the private half sealed under the service's secret."""

import hmac
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth_service.adapters.crypto.algorithms import (
    CheckingKey,
    as_base64,
    checking_half,
    from_base64,
    read_checking_half,
)
from auth_service.adapters.crypto.keys import KEY_ALGORITHMS, SigningKey, new_key, read_key, secret_as_key, written
from auth_service.domain.keys import NewKey

_SEALING = b"auth-service: signing keys, 1"
_NAMING = b"auth-service: which secret, 1"
_NONCE = 12
_NAME_DIGITS = 16


class NotOurs(ValueError):  # noqa: N818 - a fact about the key
    """The private half was sealed with another secret, or is not in the database."""


class SealedKeys:
    """Makes keys, seals them, and opens what it sealed: with another secret, or for another key, nothing opens.

    The kid is bound into the seal: a sealed half that is put into another key's row does not open.
    """

    def __init__(self, secret: str) -> None:
        self.secret = secret
        given = secret.encode("utf-8", "surrogatepass")
        self._seal = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=_SEALING).derive(given))
        # Told apart from others, a secret need not be known: it is what HS256 keys are called in the list.
        self._name = "secret-" + hmac.digest(given, _NAMING, "sha256").hex()[:_NAME_DIGITS]

    def make(self, algorithm: str) -> NewKey:
        """Return a key that nobody has ever seen."""
        while (kept := self.keep(new_key(KEY_ALGORITHMS[algorithm]))).kid.startswith("-"):
            pass  # a command line would take its name for an option
        return kept

    def keep(self, key: SigningKey) -> NewKey:
        """Return a key as it is kept in the database, its private half sealed."""
        kept = self.known(key)
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._seal.encrypt(nonce, written(key), kept.kid.encode())
        return msgspec.structs.replace(kept, sealed=as_base64(sealed).decode())

    def known(self, key: SigningKey) -> NewKey:
        """Return what is kept of a key whose private half stays with the operator."""
        half = checking_half(key)
        if half.jwk is None or half.kid is None:
            return NewKey(kid=self._name, algorithm=key.algorithm, public="", sealed="")
        public = msgspec.json.encode(half.jwk).decode()
        return NewKey(kid=half.kid, algorithm=key.algorithm, public=public, sealed="")

    def opens(self, key: NewKey) -> bool:
        """Say whether the private half can be had."""
        try:
            self.open(key)
        except NotOurs:
            return False
        return True

    def open(self, key: NewKey) -> SigningKey:
        """Return what signs; raises `NotOurs`."""
        if key.algorithm == "HS256" and key.kid == self._name:
            return secret_as_key(self.secret)
        algorithm = KEY_ALGORITHMS.get(key.algorithm)
        try:
            sealed = from_base64(key.sealed)
            pem = self._seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], key.kid.encode())
        except (InvalidTag, ValueError):
            raise NotOurs(key.kid) from None
        if algorithm is None:
            raise NotOurs(key.kid)
        return read_key(algorithm, pem, source=f"the key {key.kid}")

    def checking_half(self, key: NewKey) -> CheckingKey | None:
        """Return what its tokens are checked with; None for a secret that is no longer ours."""
        if key.algorithm == "HS256":
            return checking_half(secret_as_key(self.secret)) if key.kid == self._name else None
        half = read_checking_half(KEY_ALGORITHMS[key.algorithm], msgspec.json.decode(key.public, type=dict[str, str]))
        # A row whose name is not its key's was written by somebody else.
        return half if half.kid == key.kid else None
