"""What every storage of familiar places owes: each account its own, the latest few, dated by one at a time."""

from auth_service.adapters.contracts.store import CROWD, START, Storage, StorageContract
from auth_service.domain.model import User
from auth_service.domain.ports.familiar import Acquaintance
from auth_service.domain.ports.store import UnitOfWork

# More than anybody keeps, and no fewer than that are kept.
MANY = 60
KEPT = 20


async def arrive(storage: Storage, user: User, place: str, at: float = START, *, seen_at: float = 0.0) -> None:
    """Store an arrival."""
    work = storage.store.begin()
    work.familiar.arrive(user.id, place, at, seen_at=seen_at)
    await work.commit()


class FamiliarContract(StorageContract):
    """A place is familiar to those who arrived there, until it is forgotten."""

    async def test_nobody_knows_a_place_at_first(self, storage: Storage) -> None:
        ann = await storage.add()
        for user_id in (ann.id, 0, ann.id + 1):
            assert await storage.familiar.look(user_id, "here") == Acquaintance(0.0, knows_any=False)

    async def test_a_place_is_familiar_from_the_first_arrival_on(self, storage: Storage) -> None:
        ann = await storage.add()
        await arrive(storage, ann, "here")
        assert await storage.familiar.look(ann.id, "here") == Acquaintance(START, knows_any=True)
        assert await storage.familiar.look(ann.id, "there") == Acquaintance(0.0, knows_any=True)

    async def test_what_is_familiar_to_one_is_not_to_another(self, storage: Storage) -> None:
        ann, bob = await storage.add(), await storage.add("bob")
        await arrive(storage, ann, "here")
        assert await storage.familiar.look(bob.id, "here") == Acquaintance(0.0, knows_any=False)

    async def test_a_later_arrival_dates_it_anew(self, storage: Storage) -> None:
        ann = await storage.add()
        await arrive(storage, ann, "here")
        await arrive(storage, ann, "here", START + 5.0, seen_at=START)
        assert (await storage.familiar.look(ann.id, "here")).seen_at == START + 5.0

    async def test_of_many_who_arrive_at_once_one_is_the_first(self, storage: Storage) -> None:
        ann = await storage.add()

        def decide(work: UnitOfWork, number: int) -> None:
            work.familiar.arrive(ann.id, "here", START + number, seen_at=0.0)

        assert await storage.outcomes(decide) == {"won": 1, "Conflict": CROWD - 1}

    async def test_of_many_who_date_it_at_once_one_does(self, storage: Storage) -> None:
        ann = await storage.add()
        await arrive(storage, ann, "here")

        def decide(work: UnitOfWork, number: int) -> None:
            work.familiar.arrive(ann.id, "here", START + 1.0 + number, seen_at=START)

        assert await storage.outcomes(decide) == {"won": 1, "Conflict": CROWD - 1}

    async def test_nobody_arrives_for_an_account_that_is_gone(self, storage: Storage) -> None:
        ann = await storage.add()
        await storage.remove(ann)

        def decide(work: UnitOfWork, _: int) -> None:
            work.familiar.arrive(ann.id, "here", START, seen_at=0.0)

        assert await storage.outcomes(decide, 1) == {"Conflict": 1}

    async def test_places_go_with_their_account(self, storage: Storage) -> None:
        ann = await storage.add()
        await arrive(storage, ann, "here")
        await storage.remove(ann)
        assert await storage.familiar.look(ann.id, "here") == Acquaintance(0.0, knows_any=False)

    async def test_of_many_places_the_latest_are_kept(self, storage: Storage) -> None:
        ann, bob = await storage.add(), await storage.add("bob")
        await arrive(storage, bob, "place 0")
        for number in range(MANY):
            await arrive(storage, ann, f"place {number}", START + number)
        kept = [bool((await storage.familiar.look(ann.id, f"place {number}")).seen_at) for number in range(MANY)]
        assert kept[-KEPT:] == [True] * KEPT
        assert not kept[0]
        assert sorted(kept) == kept
        assert (await storage.familiar.look(bob.id, "place 0")).seen_at == START

    async def test_all_places_of_one_account_can_be_forgotten_and_one_kept_of_them(self, storage: Storage) -> None:
        ann, bob = await storage.add(), await storage.add("bob")
        for user in (ann, bob):
            await arrive(storage, user, "here")
            await arrive(storage, user, "there")
        work = storage.store.begin()
        work.familiar.forget(ann.id)
        work.familiar.arrive(ann.id, "here", START + 1.0, seen_at=0.0)
        await work.commit()
        assert await storage.familiar.look(ann.id, "there") == Acquaintance(0.0, knows_any=True)
        assert (await storage.familiar.look(ann.id, "here")).seen_at == START + 1.0
        assert (await storage.familiar.look(bob.id, "there")).seen_at == START
