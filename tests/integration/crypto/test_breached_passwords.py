"""The filter of passwords known from thefts."""

import hashlib

import pytest

from auth_service.adapters.crypto.breached_passwords import BreachedPasswords, load_breached_passwords, pack
from auth_service.adapters.crypto.common_passwords import load_common_passwords


@pytest.mark.parametrize("password", ["gogolmogol", "stephen22", "brutal123", "2patriot", "liverpool1892"])
def test_passwords_from_thefts_are_known(password: str) -> None:
    assert password in load_breached_passwords()
    assert password not in load_common_passwords()


@pytest.mark.parametrize("password", ["", "orange-kettle-7-umbrella", "correct horse battery", "\ud800", 7, None])
def test_what_nobody_has_used_is_not(password: object) -> None:
    assert password not in load_breached_passwords()


def test_of_new_passwords_at_most_one_in_some_thousands_is_mistaken_for_a_known_one() -> None:
    breached = load_breached_passwords()
    new = [hashlib.sha256(b"%d" % number).hexdigest()[:16] for number in range(50_000)]

    assert sum(password in breached for password in new) <= 20  # 5 are expected


def test_a_filter_forgets_nothing_it_was_made_of() -> None:
    known = {f"password-{number}" for number in range(5_000)}
    packed = pack(known)

    assert all(password in BreachedPasswords(packed) for password in known)
    assert len(packed) < 3 * len(known)
