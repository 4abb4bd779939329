"""People who take part in tests: each with a name and an address that nobody else has."""

import itertools
import os

from msgspec import Struct

_numbers = itertools.count(1)


class Person(Struct, frozen=True):
    """Somebody who may register; what they type is like nothing else about them."""

    username: str
    email: str
    password: str = "vK8-long-enough"

    @property
    def sign_up(self) -> dict[str, str]:
        """What a registration takes."""
        return {"username": self.username, "email": self.email, "password": self.password}

    @property
    def sign_in(self) -> dict[str, str]:
        """What a sign-in takes."""
        return {"username": self.username, "password": self.password}

    def with_password(self, password: str) -> "Person":
        """Return the same person with another password."""
        return Person(self.username, self.email, password)


def newcomer() -> Person:
    """Return somebody whom nobody knows yet."""
    name = f"ann{os.getpid()}x{next(_numbers)}"
    return Person(name, f"{name}@example.org")
