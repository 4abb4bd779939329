"""Pictures of every page, light, dark and right to left: `python -m tests.integration.pages.pictures docs/pages`."""

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.people import Person
from tests.integration.wire.serving import Server

from .browser import DESKTOP, PHONE, find_browser, open_browser, visit
from .person import somebody
from .tour import sign_in, tour

SETTINGS = {"FRONTEND_URL": "", "SITE_NAME": "Larkspur"}


def take_pictures(folder: Path) -> None:
    """Walk through all pages, once on a wide screen and once on a phone."""
    path = find_browser()
    if path is None:
        raise SystemExit("There is no browser here. Install Chromium, or set CHROMIUM to where one is.")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        Mailbox() as mailbox,
        Server(SETTINGS, mailbox, Path(place)) as server,
        open_browser(path) as browser,
    ):
        origin = f"http://127.0.0.1:{server.port}"
        boss = somebody(server, "--staff", person=Person("clara", "clara@example.org"))
        for width, person in ((DESKTOP, Person("ann", "ann@example.org")), (PHONE, Person("bea", "bea@example.org"))):
            _walk(browser, origin, mailbox, width, (person, boss), folder)


def _walk(
    browser: Browser, origin: str, mailbox: Mailbox, width: int, people: tuple[Person, Person], folder: Path
) -> None:
    def elsewhere() -> None:
        with visit(browser, origin, agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Safari/604.1") as other:
            sign_in(other, people[0])

    with visit(browser, origin, width=width) as visiting:
        for name in tour(visiting, mailbox, people, elsewhere):
            kind = "phone" if width == PHONE else "desktop"
            for look in LOOKS[width]:
                CHANGES[look](visiting.page)
                visiting.page.screenshot(path=folder / f"{name}-{kind}-{look}.png", full_page=width == PHONE)
            CHANGES["light"](visiting.page)


def _in(scheme: str, direction: str) -> Callable[[Page], None]:
    def change(page: Page) -> None:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        page.evaluate(f"document.documentElement.dir = '{direction}'")

    return change


CHANGES = {"light": _in("light", "ltr"), "dark": _in("dark", "ltr"), "rtl": _in("light", "rtl")}
# Enough to see every page in every look, and no more than a repository should hold.
LOOKS = {DESKTOP: ("light",), PHONE: ("dark", "rtl")}

if __name__ == "__main__":
    if len(sys.argv) != 2 or re.match("-", sys.argv[1]):
        raise SystemExit("Give the folder that the pictures go to.")
    take_pictures(Path(sys.argv[1]))
