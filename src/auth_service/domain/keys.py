"""Signing keys and the rules they live by: which follows which, and for how long tokens of each are good.

    next ──────────► current ──────────► retired ──────────► gone
    known ahead,     signs               signs no more;      its tokens have
    signs nothing                        tokens live out     run out

A rule takes the keys there are and returns the keys there shall be; storage puts one in the place of the other.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

KeyState = Literal["next", "current", "retired"]
Hold = Literal["kept_outside", "no_next", "too_fresh", "current", "unknown"]

# How long caches may keep our public keys: those that go by our word, as the answer's header has it …
MAX_AGE = 300.0
# … and until the last of those that go by their own (PyJWT keeps them for 300 s, whatever it is told, and another cache
# may have handed them over just before they ran out) has looked again. Rounded up to what people can remember.
PUBLISHED_AHEAD = 900.0
# A retirement reaches every process within a minute; clocks differ. Until then tokens may still be signed.
_REACHES_ALL_WITHIN = 300.0


class NewKey(Struct, frozen=True, kw_only=True):
    """A key without a place in life: its name, its one algorithm, and both halves as they are kept.

    Without `sealed` the private half is kept elsewhere: in the operator's file, or it is the service's secret.
    """

    kid: str
    algorithm: str
    public: str
    sealed: str


class Key(NewKey, frozen=True, kw_only=True):
    """A key in one of its states, and since when; `good_until` is when the tokens of a retired one have run out."""

    state: KeyState
    since: float
    good_until: float | None = None

    @property
    def is_kept_outside(self) -> bool:
        """Is the private half with the operator, and not in the database?"""
        return not self.sealed


class KeysStay(Exception):  # noqa: N818 - an answer of the rules, not an error in them
    """What was asked would break a promise; says which, and where waiting helps, until when."""

    def __init__(self, why: Hold, until: float = 0.0) -> None:
        super().__init__(why)
        self.why = why
        self.until = until


def current_key(keys: Sequence[Key]) -> Key | None:
    """Return the key that signs."""
    return next((key for key in keys if key.state == "current"), None)


def next_key(keys: Sequence[Key]) -> Key | None:
    """Return the key that will sign after the current one."""
    return next((key for key in keys if key.state == "next"), None)


def in_force(keys: Sequence[Key], now: float) -> list[Key]:
    """Return the keys whose tokens are good, the current one first, then the next, then the latest retired."""
    good = [key for key in keys if key.good_until is None or key.good_until > now]
    order = {"current": 0, "next": 1, "retired": 2}
    return sorted(good, key=lambda key: (order[key.state], -key.since))


def is_settled(keys: Sequence[Key], *, algorithm: str, outside: NewKey | None) -> bool:
    """Say whether the keys are what the settings ask for: this key from outside, or our own of this algorithm."""
    signing, upcoming = current_key(keys), next_key(keys)
    if signing is None:
        return False
    if outside is not None:
        return signing.kid == outside.kid and upcoming is None
    return not signing.is_kept_outside and signing.algorithm == algorithm and upcoming is not None


def settled(
    keys: Sequence[Key], *, signing: NewKey, upcoming: NewKey | None, now: float, token_lifetime: float
) -> list[Key]:
    """Return the keys once this one signs; what signed before is retired, and its tokens live out.

    An older `next` goes: it has signed nothing, and never will.
    """
    stay = [key for key in keys if key.state != "next" and key.kid != signing.kid]
    made = [_in_state(signing, "current", now), *([_in_state(upcoming, "next", now)] if upcoming else [])]
    return [*made, *(_retired(key, now, token_lifetime) for key in stay)]


def successor(keys: Sequence[Key], *, now: float, opens: Callable[[Key], bool], at_once: bool) -> Key | None:
    """Return the key that may sign from now on; None where there is none of use, and a fresh one has to.

    It must have been published long enough: everybody who keeps our public keys then has it, and no token is refused.
    Whoever wants it `at_once` takes that upon themselves.
    """
    signing, upcoming = current_key(keys), next_key(keys)
    if signing is not None and signing.is_kept_outside:
        raise KeysStay("kept_outside")
    if upcoming is not None and opens(upcoming):
        if not at_once and now < upcoming.since + PUBLISHED_AHEAD:
            raise KeysStay("too_fresh", upcoming.since + PUBLISHED_AHEAD)
        return upcoming
    if not at_once:
        raise KeysStay("no_next")
    return None


def disowned(keys: Sequence[Key], kid: str, fresh: NewKey, *, now: float) -> list[Key]:
    """Return the keys after one of them has lost all trust: its tokens are refused from now on.

    Not the current one: something has to sign. A next one is replaced by a fresh one.
    """
    key = next((key for key in keys if key.kid == kid), None)
    if key is None:
        raise KeysStay("unknown")
    if key.state == "current":
        raise KeysStay("current")
    others = [other for other in keys if other.kid != kid]
    if key.state == "next":
        return [*others, _in_state(fresh, "next", now)]
    return [*others, replace(key, sealed="", good_until=now)]


def _in_state(key: NewKey, state: KeyState, now: float) -> Key:
    return Key(kid=key.kid, algorithm=key.algorithm, public=key.public, sealed=key.sealed, state=state, since=now)


def _retired(key: Key, now: float, token_lifetime: float) -> Key:
    if key.state == "retired":
        return key
    # What no longer signs need not be able to.
    until = now + token_lifetime + _REACHES_ALL_WITHIN
    return replace(key, state="retired", since=now, sealed="", good_until=until)
