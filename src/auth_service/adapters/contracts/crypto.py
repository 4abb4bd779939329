"""What every password hasher, token signer and link signer promises, to be run over yours.

    class TestPaperSigner(TokenSignerContract):
        @pytest.fixture
        def signer(self) -> TokenSigner:
            return PaperSigner(key="ours")

        @pytest.fixture
        def stranger(self) -> TokenSigner:
            return PaperSigner(key="theirs")

It needs pytest, and pytest-asyncio in its auto mode.
"""

import asyncio
import re

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import TokenRejected
from auth_service.domain.model import Claims
from auth_service.domain.ports.crypto import LinkSigner, PasswordHasher, TokenSigner

ODD_TEXTS = {
    "nothing": "",
    "a space": " ",
    "a NUL inside": "pass\0word",
    "half a surrogate pair": "pass\ud800word",
    "other scripts": "пароль 密码 🔑",
    "a line end": "pass\nword",
    "a thousand characters": "x" * 1000,
}

NOT_HASHES = {
    "nothing": "",
    "a word": "password",
    "no password can be used": "!NHyR2mbBx1DpdSo9XrJQ",
    "a NUL": "\0",
    "half a surrogate pair": "\udc80$1$x$y",
    "only the form": "$argon2id$v=19$m=64,t=1,p=1$$",
    "very long": "$" * 100_000,
}

CLAIMS = Claims(
    token_type="access",
    exp=4_102_444_800,
    iat=1_700_000_000,
    jti="0123456789abcdef0123456789abcdef",
    user_id="14",
    sid="fedcba9876543210fedcba9876543210",
)

NOT_TOKENS = {
    "nothing": "",
    "a word": "token",
    "dots": "..",
    "more dots": "....",
    "a NUL": "\0.\0.\0",
    "other scripts": "ключ.ключ.ключ",
    "half a surrogate pair": "\ud800.\udfff.\ud800",
    "line ends": "a.b.c\n",
    "huge": "a" * 10_000 + ".b.c",
    "huge and empty": "." * 1_000_000,
    "three numbers": "1.2.3",
    "an empty object": "e30.e30.",
    "null": "bnVsbA.bnVsbA.bnVsbA",
    "deep": "W1tbW1tbW1tb" * 500 + ".e30.e30",
}

_LOWER_HEX = re.compile("[0-9a-f]{32}")


class PasswordHasherContract:
    """Override `hasher`; every test must hold."""

    @pytest.fixture
    def hasher(self) -> PasswordHasher:
        """Return a hasher that is idle. Let it hash cheaply, or this takes long."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    async def test_the_password_fits_its_hash_and_another_does_not(self, hasher: PasswordHasher) -> None:
        made = await hasher.hash("correct horse")

        assert await hasher.verify(made, "correct horse") is True
        assert await hasher.verify(made, "correct horsE") is False
        assert await hasher.verify(made, "") is False

    async def test_one_password_has_a_different_hash_each_time_and_stands_in_none(self, hasher: PasswordHasher) -> None:
        first, second = await hasher.hash("correct horse"), await hasher.hash("correct horse")

        assert first != second
        assert "correct horse" not in first

    @pytest.mark.parametrize("password", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
    async def test_any_text_can_be_a_password(self, hasher: PasswordHasher, password: str) -> None:
        made = await hasher.hash(password)

        assert await hasher.verify(made, password) is True
        assert await hasher.verify(made, password + "x") is False

    async def test_what_follows_a_nul_counts(self, hasher: PasswordHasher) -> None:
        assert await hasher.verify(await hasher.hash("one\0two"), "one\0three") is False

    async def test_nothing_fits_no_hash(self, hasher: PasswordHasher) -> None:
        assert await hasher.verify(None, "correct horse") is False
        assert await hasher.verify(None, "") is False

    @pytest.mark.parametrize("text", NOT_HASHES.values(), ids=NOT_HASHES.keys())
    async def test_text_that_is_no_hash_fits_nothing_and_is_outdated(self, hasher: PasswordHasher, text: str) -> None:
        assert await hasher.verify(text, text) is False
        assert await hasher.verify(text, "") is False
        assert hasher.is_outdated(text) is True

    async def test_a_hash_with_anything_added_or_missing_fits_nothing(self, hasher: PasswordHasher) -> None:
        made = await hasher.hash("correct horse")

        for text in (made + "\0", made + "\n", made + "A", " " + made, made[:-1], made[1:]):
            assert await hasher.verify(text, "correct horse") is False

    async def test_a_fresh_hash_is_not_outdated(self, hasher: PasswordHasher) -> None:
        assert hasher.is_outdated(await hasher.hash("correct horse")) is False

    async def test_many_at_once_each_get_their_own_answer(self, hasher: PasswordHasher) -> None:
        made = await asyncio.gather(*(hasher.hash(f"password {number}") for number in range(8)))
        asked = [hasher.verify(made[number], f"password {number // 2 * 2}") for number in range(8)]

        assert await asyncio.gather(*asked) == [True, False] * 4


class TokenSignerContract:
    """Override `signer` and `stranger`; every test must hold."""

    @pytest.fixture
    def signer(self) -> TokenSigner:
        """Return a signer."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    @pytest.fixture
    def stranger(self) -> TokenSigner:
        """Return a signer of the same kind with another key."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    def test_a_token_says_what_was_signed(self, signer: TokenSigner) -> None:
        assert signer.read(signer.sign(CLAIMS)) == CLAIMS

    def test_a_token_says_the_same_to_whoever_reads_it_again(self, signer: TokenSigner) -> None:
        token = signer.sign(CLAIMS)

        assert signer.read(token) == signer.read("".join(list(token))) == CLAIMS

    def test_claims_that_are_none_are_absent(self, signer: TokenSigner) -> None:
        few = Claims(exp=4_102_444_800, user_id="14")

        assert signer.read(signer.sign(few)) == few

    @pytest.mark.parametrize("exp", [0, -1, 1_700_000_000, 10**15, 1.5, "soon"])
    def test_what_a_token_says_is_not_judged(self, signer: TokenSigner, exp: object) -> None:
        assert signer.read(signer.sign(replace(CLAIMS, exp=exp))).exp == exp

    def test_a_token_can_stand_in_a_header(self, signer: TokenSigner) -> None:
        assert re.fullmatch(r"[A-Za-z0-9._~+/=-]+", signer.sign(CLAIMS))

    def test_tokens_signed_with_another_key_are_refused(self, signer: TokenSigner, stranger: TokenSigner) -> None:
        _refuses(signer, stranger.sign(CLAIMS))
        _refuses(stranger, signer.sign(CLAIMS))

    def test_a_token_with_any_character_changed_is_refused(self, signer: TokenSigner) -> None:
        token = signer.sign(CLAIMS)

        for place, digit in enumerate(token):
            _refuses(signer, token[:place] + ("A" if digit != "A" else "B") + token[place + 1 :])

    def test_a_token_with_anything_added_or_missing_is_refused(self, signer: TokenSigner) -> None:
        token = signer.sign(CLAIMS)

        for text in (token[:-1], token[1:], token + "A", token + "=", token + ".", token + "\n", " " + token):
            _refuses(signer, text)

    @pytest.mark.parametrize("text", NOT_TOKENS.values(), ids=NOT_TOKENS.keys())
    def test_text_that_is_no_token_is_refused(self, signer: TokenSigner, text: str) -> None:
        _refuses(signer, text)

    @pytest.mark.parametrize("text", NOT_TOKENS.values(), ids=NOT_TOKENS.keys())
    async def test_there_is_nothing_to_learn_from_text_that_is_no_token(self, signer: TokenSigner, text: str) -> None:
        assert await signer.learn(text) is False

    async def test_nothing_is_learnt_from_the_tokens_of_others(
        self, signer: TokenSigner, stranger: TokenSigner
    ) -> None:
        token = stranger.sign(CLAIMS)

        assert await signer.learn(token) is False
        _refuses(signer, token)


class LinkSignerContract:
    """Override `signer` and `stranger`; every test must hold."""

    @pytest.fixture
    def signer(self) -> LinkSigner:
        """Return a signer."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    @pytest.fixture
    def stranger(self) -> LinkSigner:
        """Return a signer of the same kind with another key."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    def test_a_proof_is_32_hexadecimal_digits_the_same_for_the_same_message(self, signer: LinkSigner) -> None:
        proof = signer.sign("activation\n14")

        assert _LOWER_HEX.fullmatch(proof)
        assert signer.sign("activation\n14") == proof

    def test_proofs_differ_by_message_and_by_key(self, signer: LinkSigner, stranger: LinkSigner) -> None:
        messages = ["", "a", "b", "a\n", "A", "a\0", "activation\n14", "activation\n15"]

        assert len({by.sign(message) for by in (signer, stranger) for message in messages}) == 2 * len(messages)

    @pytest.mark.parametrize("message", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
    def test_any_text_can_be_signed(self, signer: LinkSigner, message: str) -> None:
        assert _LOWER_HEX.fullmatch(signer.sign(message))


def _refuses(signer: TokenSigner, token: str) -> None:
    # Twice: a refusal must not leave anything behind that makes the second try succeed.
    for _ in range(2):
        with pytest.raises(TokenRejected) as refused:
            signer.read(token)
        assert refused.value.reason == "invalid"
