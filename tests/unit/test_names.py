"""Names and addresses: what is accepted, and when two are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.domain.errors import Problem
from auth_service.domain.names import (
    email_key,
    fold_username,
    judge_email,
    judge_username,
    tidy_email,
    username_key,
)

CHARACTERS = Problem("username", "username_characters")
TOO_LONG_NAME = Problem("username", "too_long", "150")
EMAIL_FORM = Problem("email", "email_form")
TOO_LONG_EMAIL = Problem("email", "too_long", "254")


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "7100200",
        "Ann.B+c@d-e_f",
        "ann@example.org",
        "名前",
        "Ünï",
        "علي",
        "Ωmega",
        "\u0663\u0664",  # digits of another script
        "\u0e04\u0e33",  # a Thai word whose vowel folds to a mark and a letter
        "\uff41\uff4e\uff4e",  # full width
        "\ufb01ona",  # a ligature
        "a" * 150,
        "名" * 150,
    ],
)
def test_letters_and_digits_of_any_script_make_a_name(name: str) -> None:
    assert judge_username(name) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a/b",
        "a\\b",
        "<b>",
        "{{7*7}}",
        "ann\x00",
        "ann\n",
        "ann\r\nBcc: eve@example.org",
        "\ud800",
        "😀",
        "ann\u200b",  # zero width
        "ann\u00ad",  # soft hyphen
        "\u202eann",  # right to left from here
        "\ufeffann",
        "ann\ufe0f",  # variation selector
        "a\u115f",  # the fillers of Hangul: letters that nobody sees
        "\u1160",
        "\u3164",
        "ann\uffa0",
        "e\u0301",  # a mark of its own
        "\u00bd",  # folds to a fraction with a slash
        "\u2474",  # folds to (1)
        "\ufdfa",  # folds to four words with blanks between
        "\u037a",  # folds to a blank and a mark
    ],
)
def test_anything_else_is_refused_in_a_name(name: str) -> None:
    assert judge_username(name) == [CHARACTERS]


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("a" * 151, [TOO_LONG_NAME]),
        ("\ufb03" * 51, [TOO_LONG_NAME]),  # folds to three letters each
        ("a b" * 60, [CHARACTERS, TOO_LONG_NAME]),
        ("a" + "\u0301\u0323" * 30_000, [CHARACTERS, TOO_LONG_NAME]),
    ],
)
def test_a_name_has_at_most_150_characters_also_when_folded(name: str, problems: list[Problem]) -> None:
    assert judge_username(name) == problems


def test_a_problem_names_the_field_it_was_asked_for() -> None:
    assert judge_username("", "new_username") == [Problem("new_username", "username_characters")]
    assert judge_email("", "new_email") == [Problem("new_email", "email_form")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann", "ANN"),
        ("\uff41\uff4e\uff4e", "Ann"),
        ("straße", "STRASSE"),
        ("\ufb01ona", "FIONA"),
        ("\u017fam", "Sam"),
        ("\u212aim", "kim"),
        ("\u03c3\u03c2", "\u03a3\u03a3"),  # both small sigmas
        ("\u0390", "\u1fd3"),
        ("①", "1"),
    ],
)
def test_two_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert username_key(one) == username_key(other)


@pytest.mark.parametrize(("one", "other"), [("ann", "anna"), ("ann", "ånn"), ("i", "\u0131"), ("a.b", "ab")])
def test_two_names_have_two_keys(one: str, other: str) -> None:
    assert username_key(one) != username_key(other)


@given(st.text(max_size=200))
def test_folding_changes_no_key(text: str) -> None:
    key = username_key(text)
    assert username_key(fold_username(text)) == key
    assert fold_username(fold_username(text)) == fold_username(text)


def test_a_name_is_stored_folded_but_in_its_own_case() -> None:
    assert fold_username("\uff21nn") == "Ann"


def test_text_too_long_for_any_name_is_not_even_folded() -> None:
    # Ordering marks takes quadratic time: of a full body it would be a second for every guess at a sign-in.
    endless = "a" + "\u0301\u0323" * 30_000
    assert fold_username(endless) is endless
    assert len(username_key(endless)) == len(endless)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org",
        "ANN@EXAMPLE.ORG",
        "a@b.co",
        "o'hara+news@example.org",
        "!#$%&'*+/=?^_`{}|~-@example.org",
        "a.b.c@sub.domain.example.org",
        '"a@b"@example.org',
        '"a\\ b"@example.org',
        '""@example.org',
        "ann@localhost",
        "ann@LocalHost",
        "ann@exämple.org",
        "ann@straße.de",
        "ann@例え.jp",
        "ann@δοκιμή.gr",
        "ann@xn--exmple-cua.org",
        "ann@1.example.org",
        f"ann@{'a' * 63}.org",
        f"{'a' * 242}@example.org",
    ],
)
def test_an_address_may_be(address: str) -> None:
    assert judge_email(address) == []
    assert email_key(address) is not None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@",
        "ann@",
        "@example.org",
        "ann@example",
        "ann@@example.org",
        "a b@example.org",
        '"a b@example.org',
        '"a\n"@example.org',
        ".ann@example.org",
        "ann.@example.org",
        "a..b@example.org",
        "ünï@example.org",
        "m\u0131ke@example.org",
        "ann@exa mple.org",
        "ann@.org",
        "ann@example..org",
        "ann@example.org.",
        "ann@-example.org",
        "ann@example-.org",
        "ann@exam_ple.org",
        "ann@example.o",
        "ann@example.org-",
        f"ann@{'a' * 64}.org",
        f"ann@{'ä' * 64}.org",
        "ann@[127.0.0.1]",
        "ann@[IPv6:::1]",
        "ann@127.0.0.1",
        "ann@example.org\n",
        "ann@example.org\r\nBcc: eve@example.org",
        "ann@example.org, eve@example.org",
        "ann@example.org;eve@example.org",
        "Ann <ann@example.org>",
        "=?utf-8?q?eve=40evil.example=3e?=@example.org",  # decoded by programs that handle mail
        '"=?utf-8?b?ZXZl?="@example.org',
        "ann@ex\x00ample.org",
        "ann@\u212aite.org",  # the Kelvin sign
        "ann@\u017fite.org",  # a long s
        "ann@\uff45xample.org",  # full width
        "ann@exa\u0308mple.org",  # ä in two pieces
        "ann@b\u3002example.org",  # a full stop to some, no dot to us
        "ann@ex\u200bämple.org",
        "ann@ex\u00adample.org",
        "ann@\u202eexample.org",
        "ann@\ud800.org",
        "ann@ex\u00a0ample.org",
        f"ann@{'ü.' * 32}org",  # in ASCII, longer than any domain
    ],
)
def test_an_address_may_not_be(address: str) -> None:
    assert judge_email(address) == [EMAIL_FORM]


@pytest.mark.parametrize(
    ("address", "problems"),
    [
        (f"{'a' * 242}@example.org", []),
        (f"{'a' * 243}@example.org", [TOO_LONG_EMAIL]),
        (f"{'a' * 308}@example.org", [TOO_LONG_EMAIL]),
        (f"{'a' * 309}@example.org", [TOO_LONG_EMAIL, EMAIL_FORM]),
        (f"{'a b' * 100}@example.org", [TOO_LONG_EMAIL, EMAIL_FORM]),
        (f"{'a' * 246}@\u0130i.org", []),
        (f"{'a' * 247}@\u0130i.org", [TOO_LONG_EMAIL]),  # one more in lower case
        ("a@" + "".join(map(chr, range(0x4E00, 0x9E00))) + ".org", [TOO_LONG_EMAIL, EMAIL_FORM]),
    ],
)
def test_an_address_has_at_most_254_characters(address: str, problems: list[Problem]) -> None:
    assert judge_email(address) == problems


def test_text_too_long_for_any_address_is_not_even_looked_at() -> None:
    # Punycode takes more than quadratic time: of a full body it would be a minute.
    assert email_key("a@" + "".join(map(chr, range(0x4E00, 0x9E00))) + ".org") is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ann@Example.ORG", "Ann@example.org"),
        ("ANN@EXÄMPLE.org", "ANN@exämple.org"),
        ('"A@B"@Example.org', '"A@B"@example.org'),
        ("ann", "ann"),
    ],
)
def test_an_address_is_kept_as_given_but_for_its_domains_case(given: str, kept: str) -> None:
    assert tidy_email(given) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@example.org", "ANN@EXAMPLE.ORG"),
        ("ann@exämple.org", "ann@xn--exmple-cua.org"),
        ("ann@EXÄMPLE.org", "ann@XN--EXMPLE-CUA.org"),
        ("ann@localhost", "Ann@LOCALHOST"),
    ],
)
def test_two_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)
    assert email_key(tidy_email(one)) == email_key(one)


@pytest.mark.parametrize(
    "look_alike",
    [
        "m\u0131ke@example.org",
        "mi\u212ae@example.org",
        "\uff4dike@example.org",
        "mike@exa\u043cple.org",  # a Cyrillic m
        "mike@\uff45xample.org",
        "mike@example.org,eve@example.org",
        " mike@example.org",
        "mike@example.org ",
        "mike@example.org\x00",
    ],
)
def test_a_look_alike_has_another_key_or_none(look_alike: str) -> None:
    assert email_key(look_alike) != email_key("mike@example.org")
