"""The recorded exchanges as they stand in `exchanges/`: what is sent, and what is to come back."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import UNSET, Struct

FOLDER = Path(__file__).parent / "exchanges"
COMMON = "common"


class ExpectedMail(Struct, frozen=True, forbid_unknown_fields=True):
    """One mail to one recipient. `link` names the setting its link is formed by; without it there is none."""

    to: str
    link: str | None = None
    save_as: str | None = None
    says: str = ""


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """An answer and the mails it brings. A body left out is an empty one."""

    status: int | list[int]
    body: object = UNSET
    allow: str = ""
    mails: list[ExpectedMail] = []
    among_others: bool = False
    differs_from: dict[str, str] = {}


class Upload(Struct, frozen=True, forbid_unknown_fields=True):
    """A file in a multipart body."""

    filename: str
    content: str


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    """One request with the answer expected: as `answer`, or as `better` than what `djoser` said. Or a pause instead."""

    do: str = ""
    sleep: float = 0
    auth: str | None = None
    headers: dict[str, str] = {}
    json: object = UNSET
    form: dict[str, str] | None = None
    multipart: dict[str, str | Upload] | None = None
    raw: str | None = None
    type: str = ""
    save: dict[str, str] = {}
    answer: Expected | None = None
    better: Expected | None = None
    djoser: object = UNSET

    @property
    def expected(self) -> Expected | None:
        """What has to come back; nothing does from a pause."""
        return self.answer or self.better


class Scenario(Struct, frozen=True):
    """Exchanges that follow one another. `tag` is in every name and address they use, and in nobody else's."""

    id: str
    profile: str
    tag: str
    exchanges: list[Exchange]

    @property
    def needs_staff(self) -> bool:
        """Whether somebody on the staff takes part."""
        return any((exchange.auth or "") == "Bearer {{staff_access}}" for exchange in self.exchanges)


class _Profile(Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    settings: dict[str, str]
    recorded: dict[str, list[str | dict[str, object]]] = {}
    better: dict[str, list[str | dict[str, object]]] = {}


class _Common(Struct, frozen=True, forbid_unknown_fields=True):
    settings: dict[str, str]
    preparations: dict[str, Exchange]


# The standard reader, because lone surrogates are among what is sent.
_common = msgspec.convert(json.loads((FOLDER / f"{COMMON}.json").read_text("utf-8")), _Common)
_profiles = {
    path.stem: msgspec.convert(json.loads(path.read_text("utf-8")), _Profile)
    for path in sorted(FOLDER.glob("*.json"))
    if path.stem != COMMON
}

SETTINGS = {name: {**_common.settings, **profile.settings} for name, profile in _profiles.items()}


def _read(section: str) -> Iterator[Scenario]:
    for name, profile in _profiles.items():
        for identity, steps in getattr(profile, section).items():
            exchanges = [
                _common.preparations[step] if isinstance(step, str) else msgspec.convert(step, Exchange)
                for step in steps
            ]
            yield Scenario(identity, name, "", exchanges)


# The letters and digits of a tag are like no password in the exchanges: chance must not make two texts similar.
RECORDED, BETTER = (
    [msgspec.structs.replace(scenario, tag=f"rgkvxjz{n}") for n, scenario in enumerate(_read(section), start)]
    for section, start in (("recorded", 100), ("better", 600))
)
