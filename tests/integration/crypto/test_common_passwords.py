"""The list of passwords that everybody tries first."""

import time

import pytest

from auth_service.adapters.crypto.common_passwords import load_common_passwords


@pytest.mark.parametrize("password", ["password", "123456", "qwerty123", "letmein"])
def test_what_everybody_tries_first_is_in_it(password: str) -> None:
    assert password in load_common_passwords()


@pytest.mark.parametrize("password", ["", "\n", "Password", "orange-kettle-7-umbrella"])
def test_what_nobody_would_try_is_not(password: str) -> None:
    assert password not in load_common_passwords()


def test_it_is_the_whole_list_in_lower_case() -> None:
    common = load_common_passwords()

    assert 19_000 < len(common) < 20_000
    assert all(password == password.lower().strip() for password in common)


def test_it_is_read_once_and_quickly() -> None:
    load_common_passwords.cache_clear()
    began = time.process_time()
    first = load_common_passwords()

    assert time.process_time() - began < 0.1
    assert load_common_passwords() is first
