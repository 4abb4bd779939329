"""What every storage of accounts owes: one owner for each name and address, one winner for each version."""

import pytest
from msgspec.structs import asdict, replace

from auth_service.adapters.contracts.store import CROWD, START, Storage, StorageContract, newcomer
from auth_service.domain.errors import AlreadyTaken, Conflict, Problem
from auth_service.domain.model import User, UserSearch
from auth_service.domain.ports.store import UnitOfWork

ODD_IDS = [0, -1, 1_000_000, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30]
ODD_TEXTS = ["", " ", "%", "_", "a%", "nobody", "\x00", "ann\x00", "\ud800", "'; --", "x" * 10_000, "名" * 5_000, "😀"]
# Each is one person's name or address, spelled in ways that are the same.
ONE_NAME = [
    ("ann", "ANN"),
    ("Ann", "\uff41\uff4e\uff4e"),
    ("straße", "STRASSE"),
    ("ﬁona", "FIONA"),
    ("Ünï", "u\u0308ni\u0308"),
]
ONE_ADDRESS = [
    ("ann@example.org", "ANN@EXAMPLE.ORG"),
    ("Ann@example.org", "ann@Example.Org"),
    ("ann@exämple.org", "ann@xn--exmple-cua.org"),
    ("ann@EXÄMPLE.org", "ANN@exämple.ORG"),
    ('"a@b"@localhost', '"A@b"@LOCALHOST'),
]
LOOK_ALIKES = [
    ("mike@example.org", "m\u0131ke@example.org"),
    ("mike@example.org", "mi\u212ae@example.org"),
    ("sam@example.org", "\u017fam@example.org"),
    ("ann@kite.org", "ann@\u212aite.org"),
    ("ann@example.org", "ann@\uff45xample.org"),
    ("ann@example.org", "ann@example.org,eve@example.org"),
    ("ann@example.org", " ann@example.org"),
]


# What is looked for, and whom it finds, the newest first: see the test.
SEARCHES = [
    *(
        ("ann", "plain"),
        ("ANN", "plain"),
        ("\uff21nn", "plain"),
        ("n.smith@EXAMPLE", "plain"),
        ("@example.org", "plain"),
    ),
    *(("_", "none odd"), ("%", "odd"), ("a_n", "odd"), ("x_y", "none"), ("x.y", ""), ("_n", "odd"), ("0%o", "odd")),
    *(("strasse", "long"), ("RASS", "long"), ("ß", "long"), ("/", "long"), ("\\", ""), ("k/s", "long"), ("k//s", "")),
    *(("@exämple", "odd"), ("OFF@EXÄMPLE.org", "odd"), ("xn--", "odd"), ("exäm", ""), ("exa\u0308mple.org", "")),
    *(
        ("example", "none long plain"),
        (".", "none long odd plain"),
        ("@", "none long odd plain"),
        ("+1", "odd"),
        ("*", ""),
    ),
]


class UsersContract(StorageContract):
    """Accounts are found by what they are unique on, and change only over the version that was read."""

    async def test_an_account_is_found_by_id_name_and_address_as_it_was_added(self, storage: Storage) -> None:
        new = newcomer("Ünï.ço-dé_名前+1", email="Ann.O'Hara+x@exämple.org")
        new = replace(new, state="pending", email_confirmed=True, is_staff=True, password_hash="$h$é😀")
        new = replace(new, language="zh")
        user = await storage.add(**asdict(new))

        assert {**asdict(user), **asdict(new)} == asdict(user)
        assert (user.version, user.pending_email, user.used_link) == (1, None, "")
        assert (user.signed_in_at, user.tokens_from) == (0.0, 0.0)
        assert await storage.users.by_username(new.username or "") == user
        assert await storage.users.by_email(new.email) == user

    @pytest.mark.parametrize("user_id", ODD_IDS)
    async def test_any_integer_may_be_looked_for(self, storage: Storage, user_id: int) -> None:
        await storage.add()
        assert await storage.users.by_id(user_id) is None

    @pytest.mark.parametrize("text", ODD_TEXTS)
    async def test_any_text_may_be_looked_for(self, storage: Storage, text: str) -> None:
        await storage.add()
        await storage.add("nameless", username=None)
        assert await storage.users.by_username(text) is None
        assert await storage.users.by_email(text) is None
        assert await storage.users.by_email(f"{text}@example.org") is None
        assert await storage.users.by_email(f"ann@{text}") is None

    @pytest.mark.parametrize(
        "text", ["ann", "ann@", "@example.org", "ann@@example.org", "ann@example", "ann@[1.2.3.4]"]
    )
    async def test_text_that_is_no_address_finds_nobody(self, storage: Storage, text: str) -> None:
        await storage.add()
        assert await storage.users.by_email(text) is None

    @pytest.mark.parametrize(("stored", "typed"), ONE_NAME)
    async def test_a_name_is_found_in_any_spelling_and_keeps_its_own(
        self, storage: Storage, stored: str, typed: str
    ) -> None:
        user = await storage.add("x", username=stored)
        assert await storage.users.by_username(typed) == user
        assert user.username == stored

    @pytest.mark.parametrize(("stored", "typed"), ONE_ADDRESS)
    async def test_an_address_is_found_in_any_spelling_and_keeps_its_own(
        self, storage: Storage, stored: str, typed: str
    ) -> None:
        user = await storage.add(email=stored)
        assert await storage.users.by_email(typed) == user
        assert user.email == stored

    @pytest.mark.parametrize(("stored", "typed"), LOOK_ALIKES)
    async def test_a_look_alike_finds_nobody(self, storage: Storage, stored: str, typed: str) -> None:
        await storage.add(email=stored)
        assert await storage.users.by_email(typed) is None

    @pytest.mark.parametrize(("stored", "typed"), ONE_NAME)
    async def test_a_name_has_one_owner_in_all_its_spellings(self, storage: Storage, stored: str, typed: str) -> None:
        await storage.add("x", username=stored)
        with pytest.raises(AlreadyTaken) as refusal:
            await storage.add("y", username=typed)
        assert refusal.value.problems == (Problem("username", "taken"),)

    @pytest.mark.parametrize(("stored", "typed"), ONE_ADDRESS)
    async def test_an_address_has_one_owner_in_all_its_spellings(
        self, storage: Storage, stored: str, typed: str
    ) -> None:
        await storage.add("x", email=stored)
        with pytest.raises(AlreadyTaken) as refusal:
            await storage.add("y", email=typed)
        assert refusal.value.problems == (Problem("email", "taken"),)

    async def test_where_both_are_taken_one_at_least_is_named_and_nothing_else(self, storage: Storage) -> None:
        await storage.add()
        with pytest.raises(AlreadyTaken) as refusal:
            await storage.add()
        named = {(problem.field, problem.code) for problem in refusal.value.problems}
        assert named
        assert named <= {("username", "taken"), ("email", "taken")}

    async def test_any_number_of_people_have_no_name(self, storage: Storage) -> None:
        first = await storage.add("one", username=None)
        second = await storage.add("two", username=None)
        assert (first.username, second.username) == (None, None)
        assert await storage.users.by_username("None") is None

    async def test_saving_writes_the_account_as_given(self, storage: Storage) -> None:
        user = await storage.add()
        wanted = User(
            id=user.id,
            username="Bob",
            email="Bob@example.net",
            password_hash="another hash",
            state="deactivated",
            email_confirmed=True,
            is_staff=True,
            stamp="another stamp",
            created_at=START + 0.1,
            pending_email="rob@example.net",
            language="pl",
            used_link="a link",
            tokens_from=START + 0.3,
            version=user.version,
        )
        stored = await storage.save(wanted)
        assert stored == replace(wanted, version=user.version + 1)
        assert await storage.users.by_username("bob") == stored
        assert await storage.users.by_email("bob@example.net") == stored
        assert await storage.users.by_username("ann") is None
        assert await storage.users.by_email("ann@example.org") is None

    async def test_a_sign_in_is_dated_without_a_new_version_and_no_save_undoes_it(self, storage: Storage) -> None:
        user = await storage.add()
        work = storage.store.begin()
        work.users.signed_in(user.id, START + 0.2)
        work.users.signed_in(user.id + 1_000, START)
        await work.commit()
        dated = await storage.users.by_id(user.id)
        assert dated == replace(user, signed_in_at=START + 0.2)
        assert await storage.save(replace(user, stamp="new")) == replace(dated, stamp="new", version=user.version + 1)

    async def test_saving_touches_nobody_else(self, storage: Storage) -> None:
        other = await storage.add("bob")
        user = await storage.add()
        await storage.save(replace(user, stamp="new"))
        assert await storage.users.by_id(other.id) == other

    async def test_a_version_that_has_moved_on_is_a_conflict(self, storage: Storage) -> None:
        user = await storage.add()
        first = await storage.save(replace(user, stamp="first"))
        with pytest.raises(Conflict):
            await storage.save(replace(user, stamp="second"))
        assert await storage.users.by_id(user.id) == first
        with pytest.raises(Conflict):
            await storage.remove(user)
        assert await storage.users.by_id(user.id) == first

    async def test_what_is_gone_is_a_conflict(self, storage: Storage) -> None:
        user = await storage.add()
        await storage.remove(user)
        with pytest.raises(Conflict):
            await storage.save(user)
        with pytest.raises(Conflict):
            await storage.remove(user)

    @pytest.mark.parametrize(("field", "value"), [("username", "BOB"), ("email", "Bob@Example.org")])
    async def test_saving_what_belongs_to_somebody_else_is_refused(
        self, storage: Storage, field: str, value: str
    ) -> None:
        await storage.add("bob")
        user = await storage.add()
        with pytest.raises(AlreadyTaken) as refusal:
            await storage.save(replace(user, **{field: value}))
        assert refusal.value.problems == (Problem(field, "taken"),)
        assert await storage.users.by_id(user.id) == user

    async def test_ones_own_name_and_address_may_be_spelled_otherwise(self, storage: Storage) -> None:
        user = await storage.add()
        stored = await storage.save(replace(user, username="ANN", email="Ann@example.org"))
        assert (stored.username, stored.email) == ("ANN", "Ann@example.org")

    async def test_a_pending_address_is_nobodys_yet(self, storage: Storage) -> None:
        await storage.save(replace(await storage.add(), pending_email="new@example.org"))
        assert await storage.users.by_email("new@example.org") is None
        await storage.add("bob", email="new@example.org")

    async def test_what_is_given_up_is_free(self, storage: Storage) -> None:
        user = await storage.save(replace(await storage.add(), username="anna", email="anna@example.org"))
        await storage.remove(await storage.add())
        await storage.remove(user)
        await storage.add()
        await storage.add("anna")

    async def test_who_was_removed_is_not_found(self, storage: Storage) -> None:
        user = await storage.add()
        await storage.remove(user)
        assert await storage.users.by_id(user.id) is None
        assert await storage.users.by_username("ann") is None
        assert await storage.users.by_email("ann@example.org") is None
        assert await storage.users.page() == []

    async def test_an_id_is_never_given_again(self, storage: Storage) -> None:
        given = []
        for _ in range(3):
            user = await storage.add()
            given.append(user.id)
            await storage.remove(user)
        assert len(set(given)) == 3
        assert sorted(given) == given
        assert given[0] > 0

    async def test_pages_go_through_everybody_in_order_of_id(self, storage: Storage) -> None:
        work = storage.store.begin()
        for number in range(7):
            work.users.add(newcomer(f"n{number}"))
        await work.commit()
        everybody = await storage.users.page()
        await storage.save(replace(everybody[2], stamp="new"))
        await storage.remove(everybody[4])

        pages: list[list[str | None]] = []
        last = 0
        while page := await storage.users.page(after=last, limit=3):
            pages.append([user.username for user in page])
            last = page[-1].id
        assert pages == [["n0", "n1", "n2"], ["n3", "n5", "n6"]]
        assert await storage.users.page(after=last) == []

    @pytest.mark.parametrize(("text", "fit"), SEARCHES)
    async def test_a_search_finds_a_text_in_names_and_addresses_and_every_sign_of_it_is_itself(
        self, storage: Storage, text: str, fit: str
    ) -> None:
        await storage.add("plain", username="ann", email="Ann.Smith@example.org")
        await storage.add("odd", username="a_n.n+1", email="50%off@exämple.org")
        await storage.add("long", username="Straße", email="'back/slash'@example.net")
        await storage.add("none", username=None, email="x_y@mail.example")
        names = {"Ann.Smith": "plain", "50%off": "odd", "'back/slash'": "long", "x_y": "none"}
        found = await storage.users.search(UserSearch(text=text), limit=9)
        assert " ".join(names[user.email.partition("@")[0]] for user in found) == fit

    @pytest.mark.parametrize("text", ODD_TEXTS[1:])
    async def test_any_text_may_be_searched_for(self, storage: Storage, text: str) -> None:
        await storage.add()
        assert await storage.users.search(UserSearch(text=f"{text}!"), limit=9) == []

    @pytest.mark.parametrize("user_id", [0, 1_000_000, 2**63 - 1, 2**63, 10**19 - 1, 10**30])
    async def test_any_id_may_be_searched_for(self, storage: Storage, user_id: int) -> None:
        user = await storage.add()
        assert await storage.users.search(UserSearch(text=str(user_id)), limit=9) == []
        assert await storage.users.search(UserSearch(text=str(user.id)), limit=9) == [user]

    async def test_a_search_keeps_to_all_that_is_asked(self, storage: Storage) -> None:
        ann = await storage.add("ann", state="pending", is_staff=True)
        joanna = await storage.add("joanna", email_confirmed=True)
        bob = await storage.add("bob", state="deactivated")
        for wanted, fit in (
            (UserSearch(), [bob, joanna, ann]),
            (UserSearch(state="pending"), [ann]),
            (UserSearch(state="active", text="ann"), [joanna]),
            (UserSearch(is_staff=True), [ann]),
            (UserSearch(is_staff=False, text="ann"), [joanna]),
            (UserSearch(email_confirmed=False), [bob, ann]),
            (UserSearch(email_confirmed=True, state="active", is_staff=False, text="oann"), [joanna]),
            (UserSearch(email_confirmed=True, is_staff=True), []),
        ):
            assert await storage.users.search(wanted, limit=9) == fit, wanted

    async def test_a_search_is_paged_from_the_newest_on(self, storage: Storage) -> None:
        people = [await storage.add(f"n{number}") for number in range(5)]
        # A change makes nobody newer.
        people[1] = await storage.save(replace(people[1], stamp="new"))
        newest_first = people[::-1]
        assert await storage.users.search(UserSearch(), limit=2) == newest_first[:2]
        assert await storage.users.search(UserSearch(text="n"), before=people[3].id, limit=2) == newest_first[2:4]
        await storage.remove(people[3])
        assert await storage.users.search(UserSearch(text="n"), before=people[3].id, limit=9) == newest_first[2:]
        for before, fit in ((0, []), (-1, []), (people[0].id, []), (2**63, 4), (10**30, 4)):
            found = await storage.users.search(UserSearch(), before=before, limit=9)
            assert (found if isinstance(fit, list) else len(found)) == fit

    async def test_of_many_with_one_name_one_wins(self, storage: Storage) -> None:
        outcomes = await storage.outcomes(
            lambda work, number: work.users.add(
                newcomer("Ann" if number % 2 else "ANN", email=f"n{number}@example.org")
            )
        )
        assert outcomes == {"won": 1, "AlreadyTaken": CROWD - 1}
        assert len(await storage.users.page()) == 1

    async def test_of_many_with_one_address_one_wins(self, storage: Storage) -> None:
        outcomes = await storage.outcomes(
            lambda work, number: work.users.add(newcomer(f"n{number}", email="ann@example.org"))
        )
        assert outcomes == {"won": 1, "AlreadyTaken": CROWD - 1}
        assert len(await storage.users.page()) == 1

    async def test_of_many_with_nothing_in_common_all_win(self, storage: Storage) -> None:
        outcomes = await storage.outcomes(lambda work, number: work.users.add(newcomer(f"n{number}")))
        assert outcomes == {"won": CROWD}
        assert len({user.id for user in await storage.users.page()}) == CROWD

    async def test_each_of_many_newcomers_is_told_their_own_id(self, storage: Storage) -> None:
        works: list[UnitOfWork] = []

        def decide(work: UnitOfWork, number: int) -> None:
            works.append(work)
            work.users.add(newcomer(f"n{number}"))

        await storage.outcomes(decide)
        names = {user.id: user.username for user in await storage.users.page()}
        assert [names[work.new_user_id] for work in works] == [f"n{number}" for number in range(CROWD)]

    async def test_of_many_who_save_one_version_one_wins(self, storage: Storage) -> None:
        user = await storage.add()
        outcomes = await storage.outcomes(
            lambda work, number: work.users.save(replace(user, stamp=f"stamp {number}")),
        )
        assert outcomes == {"won": 1, "Conflict": CROWD - 1}
        stored = await storage.users.by_id(user.id)
        assert stored is not None
        assert stored.version == user.version + 1

    async def test_of_many_who_rename_themselves_alike_one_wins(self, storage: Storage) -> None:
        people = [await storage.add(f"n{number}") for number in range(CROWD)]
        outcomes = await storage.outcomes(
            lambda work, number: work.users.save(replace(people[number], username="same")),
        )
        assert outcomes == {"won": 1, "AlreadyTaken": CROWD - 1}

    async def test_of_many_who_remove_one_account_one_wins(self, storage: Storage) -> None:
        user = await storage.add()
        assert await storage.outcomes(lambda work, _: work.users.remove(user)) == {"won": 1, "Conflict": CROWD - 1}
