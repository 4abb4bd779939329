"""Limits: what one attempt is counted by, and who is taken for the same."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from auth_service.domain import limits
from auth_service.domain.model import Client, User
from auth_service.domain.ports.throttle import Counter

HERE = Client("192.0.2.1", "laptop")
NOWHERE = Client()
ANN = User(
    id=7,
    username="ann",
    email="ann@example.org",
    password_hash="hash",
    state="active",
    email_confirmed=True,
    is_staff=False,
    stamp="stamp",
    created_at=0.0,
)


def figures(counters: Sequence[Counter]) -> set[tuple[int, float]]:
    """Return how many may pass in how many seconds."""
    return {(counter.most, counter.window) for counter in counters}


def at(address: str) -> Sequence[Counter]:
    """Return the counters of a client alone."""
    return limits.registration(Client(address))


class TestFigures:
    """How much is much."""

    def test_a_sign_in_counts_for_account_and_client_together_and_apart(self) -> None:
        assert figures(limits.sign_in(ANN, "ann", HERE)) == {(60, 60.0), (30, 3_600.0), (60, 3_600.0)}

    def test_a_familiar_place_has_tries_of_its_own(self) -> None:
        familiar = limits.sign_in(ANN, "ann", HERE, familiar="a place")
        assert figures(familiar) == {(10, 60.0), (40, 900.0)}
        assert not set(familiar) & set(limits.sign_in(ANN, "ann", HERE))

    def test_strangers_and_familiar_places_together_stay_within_a_hundred(self) -> None:
        assert limits.SIGN_IN_OF_ACCOUNT_BY_STRANGERS.most + limits.SIGN_IN_OF_ACCOUNT_AT_FAMILIAR_PLACES.most <= 100

    def test_one_client_alone_cannot_use_up_an_account(self) -> None:
        everybody, alone = limits.SIGN_IN_OF_ACCOUNT_BY_STRANGERS, limits.SIGN_IN_OF_ACCOUNT_BY_CLIENT
        assert 2 * alone.most <= everybody.most
        assert 2 * alone.free < everybody.free
        assert alone.window >= everybody.window

    @pytest.mark.parametrize("number", [1, 2])
    def test_further_tries_at_one_account_have_to_wait_longer_and_longer(self, number: int) -> None:
        counter = limits.sign_in(ANN, "ann", HERE)[number]
        pauses = [counter.pause_after(attempts) for attempts in range(1, counter.most + 1)]
        assert pauses[: counter.free - 1] == [0.0] * (counter.free - 1)
        growing = pauses[counter.free - 1 :]
        assert growing[:3] == [growing[0], 2 * growing[0], 4 * growing[0]]
        assert max(growing) == 900.0
        assert sorted(growing) == growing

    def test_asking_for_a_name_counts_for_account_and_client(self) -> None:
        assert figures(limits.naming(ANN, HERE)) == {(30, 3_600.0), (60, 3_600.0)}
        assert figures(limits.naming(None, HERE)) == {(60, 3_600.0)}
        assert limits.naming(None, NOWHERE) == ()

    def test_a_mail_counts_for_its_recipient_and_the_client(self) -> None:
        assert figures(limits.mail_to("ann@example.org", HERE)) == {(5, 3_600.0), (30, 3_600.0)}

    def test_a_registration_counts_for_the_client(self) -> None:
        assert figures(limits.registration(HERE)) == {(60, 3_600.0)}

    def test_who_has_no_address_is_not_counted_but_account_and_recipient_are(self) -> None:
        assert figures(limits.sign_in(ANN, "ann", NOWHERE)) == {(60, 3_600.0)}
        assert figures(limits.mail_to("ann@example.org", NOWHERE)) == {(5, 3_600.0)}
        assert limits.registration(NOWHERE) == ()

    def test_no_counter_is_another_ones(self) -> None:
        counters = [
            *limits.sign_in(ANN, "ann", HERE),
            *limits.mail_to("ann@example.org", HERE),
            *limits.sign_in(ANN, "ann", HERE, familiar="a place"),
            *limits.naming(ANN, HERE),
            *limits.registration(HERE),
        ]
        assert len({counter.key for counter in counters}) == len(counters) == 10


class TestAccounts:
    """Whose password is tried."""

    @pytest.mark.parametrize("name", ["ann", "ANN", "ann@example.org", "  ann ", "anything"])
    def test_an_account_is_counted_as_one_by_whichever_name(self, name: str) -> None:
        assert limits.sign_in(ANN, name, HERE) == limits.sign_in(ANN, "", HERE)

    def test_accounts_are_counted_apart(self) -> None:
        ours, theirs = limits.sign_in(ANN, "", HERE), limits.sign_in(replace(ANN, id=8), "", HERE)
        assert len(set(ours) & set(theirs)) == 1  # the client's own

    @pytest.mark.parametrize(
        ("name", "again"),
        [
            ("bob", "BOB"),
            ("bob", " bob\t"),
            ("bob", "\uff42\uff4f\uff42"),
            ("straße", "STRASSE"),
            ("bob@example.org", "Bob@EXAMPLE.org"),
            ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ],
    )
    def test_spellings_of_a_name_that_nobody_has_are_one(self, name: str, again: str) -> None:
        assert limits.sign_in(None, name, HERE) == limits.sign_in(None, again, HERE)

    @pytest.mark.parametrize("name", ["bob", "id:7", "", "a b", "bob\0", "\ud800", "x" * 70_000])
    def test_no_name_that_nobody_has_counts_for_an_account(self, name: str) -> None:
        known, unknown = limits.sign_in(ANN, name, HERE), limits.sign_in(None, name, HERE)
        assert len(set(known) & set(unknown)) == 1  # the client's own
        assert figures(known) == figures(unknown)

    def test_spellings_of_an_address_are_one_recipient(self) -> None:
        assert limits.mail_to("Ann@Example.ORG", HERE) == limits.mail_to("ann@example.org", HERE)
        assert limits.mail_to("ann@example.org", HERE) != limits.mail_to("bob@example.org", HERE)


class TestClients:
    """Who tries."""

    @pytest.mark.parametrize(
        ("address", "again"),
        [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
            ("2001:db8::1", "2001:DB8:0:0::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ],
    )
    def test_addresses_of_one_client_are_one(self, address: str, again: str) -> None:
        assert at(address) == at(again)

    @pytest.mark.parametrize(
        ("address", "other"),
        [
            ("192.0.2.1", "192.0.2.2"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
            ("::1", "127.0.0.1"),
            ("proxy", "another"),
        ],
    )
    def test_addresses_of_two_clients_are_two(self, address: str, other: str) -> None:
        assert at(address) != at(other)
