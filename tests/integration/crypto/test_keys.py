"""Key files: made once, for nobody else's eyes, and refused in words when they hold something else."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from auth_service.adapters.crypto.jwt_signer import JwtSigner
from auth_service.adapters.crypto.keys import (
    KeyAlgorithm,
    SigningKey,
    load_key,
    load_or_make_secret,
    new_key,
    read_key,
    secret_as_key,
    written,
)
from auth_service.domain.model import Claims

ALGORITHMS = get_args(KeyAlgorithm)
CLAIMS = Claims(exp=4_102_444_800, user_id="14")


def _pem(key: object, encryption: KeySerializationEncryption | None = None) -> bytes:
    made: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[attr-defined]
    return made


def _p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _rsa(bits: int) -> Callable[[], bytes]:
    return lambda: _pem(rsa.generate_private_key(65537, bits))


def _public() -> bytes:
    return _p256().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


WRONG: dict[str, tuple[KeyAlgorithm, Callable[[], bytes], str]] = {
    "P-384": ("ES256", lambda: _pem(ec.generate_private_key(ec.SECP384R1())), "elliptic curve key on secp384r1; ES256"),
    "secp256k1": ("ES256", lambda: _pem(ec.generate_private_key(ec.SECP256K1())), "on secp256k1; ES256 needs"),
    "Ed25519 for ES256": ("ES256", lambda: _pem(ed25519.Ed25519PrivateKey.generate()), "another kind (Ed25519); ES256"),
    "EC for EdDSA": ("EdDSA", lambda: _pem(_p256()), "on secp256r1; EdDSA needs an Ed25519 key"),
    "Ed448": ("EdDSA", lambda: _pem(ed448.Ed448PrivateKey.generate()), "another kind (Ed448); EdDSA"),
    "EC for RS256": ("RS256", lambda: _pem(_p256()), "on secp256r1; RS256 needs an RSA key of at least 2048 bits"),
    "RSA too weak": ("RS256", _rsa(1024), "an RSA key of 1024 bits; RS256 needs an RSA key of at least 2048 bits"),
    "RSA for ES256": ("ES256", _rsa(1024), "an RSA key of 1024 bits; ES256 needs an elliptic curve key on P-256"),
    "public only": ("ES256", _public, "no private key in PEM; ES256"),
    "passphrase": ("ES256", lambda: _pem(_p256(), BestAvailableEncryption(b"x")), "protected by a passphrase; ES256"),
    "empty": ("ES256", lambda: b"", "no private key in PEM"),
    "half": ("ES256", lambda: _pem(_p256())[:100], "no private key in PEM"),
    "no text": ("EdDSA", lambda: b"\x00\xff" * 100, "no private key in PEM"),
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_the_same_once_it_was_written_and_read(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    key = new_key(algorithm)
    (tmp_path / "signing.pem").write_bytes(written(key))

    assert JwtSigner(load_key(algorithm, tmp_path / "signing.pem")).read(JwtSigner(key).sign(CLAIMS)) == CLAIMS


def test_two_installations_never_have_the_same_key(tmp_path: Path) -> None:
    assert JwtSigner(new_key("ES256")).public_keys() != JwtSigner(new_key("ES256")).public_keys()
    assert load_or_make_secret(tmp_path / "a") != load_or_make_secret(tmp_path / "b")


def test_a_secret_is_64_hexadecimal_digits_and_found_again(tmp_path: Path) -> None:
    secret = load_or_make_secret(tmp_path / "secret")

    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert load_or_make_secret(tmp_path / "secret") == secret


def test_a_secret_that_somebody_wrote_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("ein Geheimnis, größer\n")

    assert load_or_make_secret(tmp_path / "secret") == "ein Geheimnis, größer"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_secret_file_that_holds_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)

    with pytest.raises(ValueError, match="should hold a secret"):
        load_or_make_secret(tmp_path / "secret")


def test_nobody_else_can_read_a_secret_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    sync = os.fsync

    def watch(handle: int) -> None:
        seen.extend((file.name, file.stat().st_mode & 0o777) for file in tmp_path.iterdir())
        sync(handle)

    monkeypatch.setattr(os, "fsync", watch)
    before = os.umask(0)
    try:
        load_or_make_secret(tmp_path / "secret")
    finally:
        os.umask(before)

    assert {mode for _, mode in seen} == {0o600}
    assert seen[0][0] != "secret"  # it has its name only when it is whole
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_threads_that_start_together_end_with_one_secret(tmp_path: Path) -> None:
    together = Barrier(8)

    def start(round_: int) -> str:
        together.wait()
        return load_or_make_secret(tmp_path / str(round_))

    with ThreadPoolExecutor(8) as pool:
        for round_ in range(10):
            assert len(set(pool.map(start, [round_] * 8))) == 1
    assert len(list(tmp_path.iterdir())) == 10


def test_processes_that_start_together_end_with_one_secret(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from auth_service.adapters.crypto.keys import load_or_make_secret;"
        "print('ready', flush=True); sys.stdin.read(); print(load_or_make_secret(pathlib.Path(sys.argv[1])))"
    )
    started = [
        subprocess.Popen(  # noqa: S603 - our own interpreter with our own words
            [sys.executable, "-c", script, str(tmp_path / "secret")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.close()
        process.stdin = None
    said = {process.communicate(timeout=30)[0] for process in started}

    assert said == {(tmp_path / "secret").read_text()}


@pytest.mark.parametrize(("algorithm", "make", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_a_key_of_the_wrong_kind_is_refused_in_a_sentence_that_names_the_file(
    tmp_path: Path, algorithm: KeyAlgorithm, make: Callable[[], bytes], sentence: str
) -> None:
    path = tmp_path / "signing.pem"
    path.write_bytes(make())

    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        load_key(algorithm, path)
    assert str(refused.value).startswith(f"{path} ")


def test_older_pem_forms_are_taken_too() -> None:
    key = _p256()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    assert read_key("ES256", pem, source="JWT_SIGNING_KEY") == SigningKey("ES256", key) or pem.startswith(
        b"-----BEGIN EC"
    )
    assert (
        JwtSigner(read_key("ES256", pem, source="x")).public_keys() == JwtSigner(SigningKey("ES256", key)).public_keys()
    )


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(f"there is no folder {tmp_path / 'missing'}")):
        load_or_make_secret(tmp_path / "missing" / "secret")


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path} cannot be read: Is a directory")):
        load_key("ES256", tmp_path)


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path} cannot be read or made")):
        load_or_make_secret(tmp_path)


def test_the_secret_is_the_hs256_key_verbatim() -> None:
    assert secret_as_key("größer").material == "größer".encode()
    with pytest.raises(ValueError, match="empty secret"):
        secret_as_key("")


def test_a_key_never_shows_itself() -> None:
    assert "verbatim" not in repr(secret_as_key("verbatim"))
