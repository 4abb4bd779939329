"""The keys that tokens are signed with: what they are, where they are kept, how they come into being."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

KeyAlgorithm = Literal["ES256", "EdDSA", "RS256"]
SigningAlgorithm = Literal["HS256", "ES256", "EdDSA", "RS256"]
PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
KEY_ALGORITHMS: dict[str, KeyAlgorithm] = {name: name for name in get_args(KeyAlgorithm)}

_WEAKEST_RSA = 2048
_LONGEST_FILE = 65_536
_WANTED = {
    "ES256": "an elliptic curve key on P-256",
    "EdDSA": "an Ed25519 key",
    "RS256": f"an RSA key of at least {_WEAKEST_RSA} bits",
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the one algorithm it is for: what a token says about it counts for nothing (RFC 8725, 3.1)."""

    algorithm: SigningAlgorithm
    material: bytes | PrivateKey = field(repr=False)


def secret_as_key(secret: str) -> SigningKey:
    """Return the HS256 key that the secret is, verbatim: whoever else holds it can check our tokens, and we theirs."""
    if not secret:
        raise ValueError("tokens cannot be signed with an empty secret: anybody could make them")
    return SigningKey("HS256", secret.encode("utf-8", "surrogatepass"))


def read_key(algorithm: KeyAlgorithm, pem: bytes, *, source: str) -> SigningKey:
    """Return the private key in a PEM. Raises a ValueError that says what `source` holds and what it should hold."""
    wanted = f"{algorithm} needs {_WANTED[algorithm]}"
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError(f"{source} is protected by a passphrase; {wanted}, unprotected, as PEM") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"{source} holds no private key in PEM; {wanted}") from None
    if algorithm == "ES256" and isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return SigningKey(algorithm, key)
    if algorithm == "EdDSA" and isinstance(key, Ed25519PrivateKey):
        return SigningKey(algorithm, key)
    if algorithm == "RS256" and isinstance(key, RSAPrivateKey) and key.key_size >= _WEAKEST_RSA:
        return SigningKey(algorithm, key)
    raise ValueError(f"{source} holds {_described(key)}; {wanted}")


def load_key(algorithm: KeyAlgorithm, path: Path) -> SigningKey:
    """Return the key in a file. Raises a ValueError that says what is wrong."""
    try:
        with path.open("rb") as file:
            pem = file.read(_LONGEST_FILE)
    except OSError as fault:
        raise ValueError(f"{path} cannot be read: {fault.strerror}") from None
    return read_key(algorithm, pem, source=str(path))


def new_key(algorithm: KeyAlgorithm) -> SigningKey:
    """Return a key that nobody has ever seen."""
    if algorithm == "ES256":
        return SigningKey(algorithm, make_ec(SECP256R1()))
    if algorithm == "EdDSA":
        return SigningKey(algorithm, Ed25519PrivateKey.generate())
    return SigningKey(algorithm, make_rsa(public_exponent=65537, key_size=_WEAKEST_RSA))


def written(key: SigningKey) -> bytes:
    """Return a private key as PEM."""
    if isinstance(key.material, bytes):
        raise TypeError("a secret is no private key")
    return key.material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_or_make_secret(path: Path) -> str:
    """Return the secret in the file, made first where there is none: 64 hexadecimal digits."""
    kept = _load_or_make(path, lambda: os.urandom(32).hex().encode() + b"\n")
    try:
        secret = kept.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"{path} holds no text; it should hold a secret on one line") from None
    if not secret:
        raise ValueError(f"{path} is empty; it should hold a secret, or not be there, and one is made")
    return secret


def _described(key: object) -> str:
    if isinstance(key, RSAPrivateKey):
        return f"an RSA key of {key.key_size} bits"
    if isinstance(key, EllipticCurvePrivateKey):
        return f"an elliptic curve key on {key.curve.name}"
    return f"a key of another kind ({type(key).__name__.removesuffix('PrivateKey')})"


def _load_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return what the file holds. Of several processes that find none, one makes it and all return the same."""
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be read or made: there is no folder {path.parent}")
    try:
        if not path.exists():
            _write_once(path, make())
        with path.open("rb") as file:
            return file.read(_LONGEST_FILE)
    except OSError as fault:
        # The names of temporary files say nothing to whoever has to put this right.
        raise ValueError(f"{path} cannot be read or made: {fault.strerror}") from None


def _write_once(path: Path, content: bytes) -> None:
    """Put a file in place that nobody else can read and that is never seen half written; what is there already stays.

    A link, unlike a rename, fails where the name is taken: so the first of two processes wins, and both read its file.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    _keep_names(path.parent)


def _keep_names(folder: Path) -> None:
    """Let a new name in the folder outlive a power cut: without its key, every token given out is worthless."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
