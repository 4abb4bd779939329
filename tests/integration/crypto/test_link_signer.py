"""Proofs of mailed links."""

import hashlib
import hmac

import pytest

from auth_service.adapters.contracts.crypto import LinkSignerContract
from auth_service.adapters.crypto.link_signer import HmacLinkSigner


class TestHmacLinkSigner(LinkSignerContract):
    """What is promised of every link signer."""

    @pytest.fixture
    def signer(self) -> HmacLinkSigner:
        return HmacLinkSigner("a secret of this installation")

    @pytest.fixture
    def stranger(self) -> HmacLinkSigner:
        return HmacLinkSigner("a secret of another")


def test_a_proof_is_the_same_after_a_restart() -> None:
    assert HmacLinkSigner("secret").sign("message") == HmacLinkSigner("secret").sign("message")


def test_the_secret_itself_is_not_the_key() -> None:
    # A signature of an HS256 token, made with the secret verbatim, must be no proof of a link.
    assert HmacLinkSigner("secret").sign("message") not in hmac.new(b"secret", b"message", hashlib.sha256).hexdigest()


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty secret"):
        HmacLinkSigner("")
