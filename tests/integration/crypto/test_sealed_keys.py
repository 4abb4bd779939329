"""Keys at rest: nothing that can be used stands in what is kept, and only the right secret opens it."""

import base64
import json
from typing import get_args

import pytest
from msgspec.structs import asdict, replace

from auth_service.adapters.crypto.algorithms import checking_half
from auth_service.adapters.crypto.jwt_signer import JwtSigner
from auth_service.adapters.crypto.keys import KeyAlgorithm, new_key, secret_as_key, written
from auth_service.adapters.crypto.sealed_keys import NotOurs, SealedKeys
from auth_service.domain.keys import NewKey
from auth_service.domain.model import Claims

ALGORITHMS = get_args(KeyAlgorithm)
CLAIMS = Claims(exp=4_102_444_800, user_id="14")
OURS, THEIRS = SealedKeys("a secret of this installation"), SealedKeys("a secret of another installation")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_signs_once_it_is_opened_and_its_public_half_checks(algorithm: KeyAlgorithm) -> None:
    kept = OURS.make(algorithm)
    half = OURS.checking_half(kept)
    token = JwtSigner(OURS.open(kept)).sign(CLAIMS)

    assert half is not None
    assert (half.kid, half.algorithm) == (kept.kid, kept.algorithm)
    assert JwtSigner(new_key(algorithm), [half]).read(token) == CLAIMS
    assert SealedKeys("a secret of this installation").open(kept) is not None  # after a restart, too


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nothing_private_can_be_read_in_what_is_kept(algorithm: KeyAlgorithm) -> None:
    key = new_key(algorithm)
    kept = OURS.keep(key)
    everything = "\n".join(asdict(kept).values())
    pem = written(key).decode().splitlines()
    body = "".join(pem[1:-1])

    assert "PRIVATE" not in everything
    assert not any(line in everything for line in pem)
    assert base64.b64decode(body) not in base64.urlsafe_b64decode(kept.sealed + "==")
    assert set(json.loads(kept.public)) <= {"kty", "crv", "x", "y", "n", "e"}
    assert "a secret of this installation" not in everything


def test_the_same_key_is_never_sealed_the_same_way_twice() -> None:
    key = new_key("EdDSA")

    assert OURS.keep(key).sealed != OURS.keep(key).sealed


def test_another_secret_opens_nothing() -> None:
    kept = OURS.make("ES256")

    assert (OURS.opens(kept), THEIRS.opens(kept)) == (True, False)
    with pytest.raises(NotOurs):
        THEIRS.open(kept)


def test_a_seal_holds_for_its_own_key_only_and_breaks_when_touched() -> None:
    one, two = OURS.make("ES256"), OURS.make("ES256")
    content = base64.urlsafe_b64decode(one.sealed + "==")
    touched = [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in (0, 12, -1)]

    for sealed in (
        two.sealed,
        "",
        "A",
        "ü",
        one.sealed[:20],
        *(base64.urlsafe_b64encode(each).decode() for each in touched),
    ):
        assert not OURS.opens(replace(one, sealed=sealed))
    assert not OURS.opens(replace(one, algorithm="none"))


def test_a_public_half_under_the_name_of_another_is_not_believed() -> None:
    one, two = OURS.make("ES256"), OURS.make("ES256")

    assert OURS.checking_half(replace(one, public=two.public)) is None


def test_of_the_operators_own_key_only_the_public_half_is_kept() -> None:
    key = new_key("ES256")
    known = OURS.known(key)

    assert known == NewKey(kid=checking_half(key).kid or "", algorithm="ES256", public=known.public, sealed="")
    assert not OURS.opens(known)


def test_a_secret_is_known_by_a_name_that_tells_nothing_and_is_no_longer_believed_once_exchanged() -> None:
    known = OURS.known(secret_as_key("a secret of this installation"))
    half = OURS.checking_half(known)

    assert (known.public, known.sealed) == ("", "")
    assert known.kid.startswith("secret-")
    assert half is not None
    assert half.jwk is None
    assert OURS.opens(known)
    assert THEIRS.checking_half(known) is None
    assert not THEIRS.opens(known)


def test_no_key_that_is_made_has_a_name_that_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["-one", "-two", "three"])
    keep = SealedKeys.keep
    monkeypatch.setattr(SealedKeys, "keep", lambda self, key: replace(keep(self, key), kid=next(names)))

    assert OURS.make("EdDSA").kid == "three"
