"""Journeys in a real browser against a real service and its mails: with scripts and without, on desk and phone."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server

from .browser import DESKTOP, PHONE, Visit, visit
from .conftest import MailedLink
from .person import AtHome, somebody
from .tour import link_for, sign_in, tour

NEW = "Ducks-at-Noon-7"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
pytestmark = pytest.mark.usefixtures("browser")


@pytest.fixture(
    params=[(DESKTOP, True), (PHONE, True), (DESKTOP, False), (PHONE, False)],
    ids=["desktop", "phone", "desktop-without-scripts", "phone-without-scripts"],
)
def screen(request: pytest.FixtureRequest, browser: Browser, origin: str) -> Iterator[Visit]:
    """Give a browser of each kind."""
    width, scripted = request.param
    with visit(browser, origin, width=width, scripted=scripted) as opened:
        yield opened


@pytest.fixture
def elsewhere(browser: Browser, origin: str) -> Callable[[Person], None]:
    """Sign somebody in on another device."""

    def sign_in_there(person: Person) -> None:
        with visit(browser, origin, agent=SAFARI) as other:
            sign_in(other, person)
            assert other.path == "/account"

    return sign_in_there


def test_from_nothing_to_signed_in_and_out(screen: Visit, post: Mailbox) -> None:
    person = newcomer()
    screen.go("/")
    screen.press("Create an account")
    screen.fill(username=person.username, email=person.email, password=person.password)
    screen.press("Create the account")
    assert screen.heading == "Look into your mail"
    assert person.email in screen.page.inner_text("main")
    screen.go(link_for(post, person.email))
    screen.press("Confirm this address")
    assert screen.told == "Thank you, your address is confirmed."
    screen.fill(name=person.email, password=person.password)
    screen.press("Sign in")
    assert screen.heading == "Your account"
    screen.press("Sign out")
    assert screen.heading == "You are signed out"
    screen.page.go_back()
    assert screen.path == "/sign-in?next=/account"


def test_a_forgotten_password(screen: Visit, post: Mailbox, ann: Person) -> None:
    screen.go("/sign-in")
    screen.press("Forgotten your password?")
    screen.fill(email=ann.email)
    screen.press("Send the mail")
    link = link_for(post, ann.email)
    screen.go(link)
    screen.fill(new_password="12345678")
    screen.press("Save the new password")
    assert "digits alone" in screen.told
    screen.fill(new_password=NEW)
    screen.press("Save the new password")
    assert screen.told == "Your password is changed, and every device is signed out. Sign in with the new one."
    sign_in(screen, ann.with_password(NEW))
    assert screen.path == "/account"


def test_a_forgotten_name(screen: Visit, post: Mailbox, ann: Person) -> None:
    screen.go("/sign-in")
    screen.press("Forgotten your name?")
    screen.fill(email=ann.email)
    screen.press("Send the mail")
    screen.go(link_for(post, ann.email))
    screen.fill(new_username=f"{ann.username}z")
    screen.press("Save the new name")
    assert screen.told == "Your name is changed."
    screen.fill(name=f"{ann.username}z", password=ann.password)
    screen.press("Sign in")
    assert screen.path == "/account"


def test_looking_after_an_account(
    screen: Visit, post: Mailbox, ann: Person, elsewhere: Callable[[Person], None]
) -> None:
    elsewhere(ann)
    sign_in(screen, ann)
    screen.go("/account/name")
    screen.fill(new_username=f"{ann.username}z", current_password=ann.password)
    screen.press("Save the new name")
    assert screen.told == "Your name is changed."
    _change_address(screen, post, f"new.{ann.email}")
    screen.go("/account/devices")
    assert screen.page.locator("li").count() == 2
    assert "Safari · iPhone" in screen.page.inner_text("main")
    screen.press("Sign out Safari · iPhone")
    assert screen.told == "That device is signed out."
    assert screen.page.locator("li").count() == 1
    screen.go("/account/password")
    screen.fill(current_password="quite-wrong", new_password=NEW)
    screen.press("Save the new password")
    assert "This is not your current password." in screen.told
    screen.fill(current_password=ann.password, new_password=NEW)
    screen.press("Save the new password")
    assert (screen.path, screen.told) == ("/account", "Your password is changed.")


def _change_address(screen: Visit, post: Mailbox, new: str) -> None:
    screen.go("/account/email")
    screen.fill(email=f"not.{new}")
    screen.press("Save the new address")
    assert f"not.{new} takes its place" in screen.page.inner_text("main")
    screen.press("Keep the present address")
    assert "stays as it is" in screen.told
    screen.go(link_for(post, f"not.{new}"))
    assert screen.heading == "This link does not work"
    screen.go("/account/email")
    screen.fill(email=new)
    screen.press("Save the new address")
    screen.go(link_for(post, new))
    screen.press("Confirm this address")
    assert screen.told == "Thank you, your address is confirmed."
    assert new in screen.page.inner_text("main")


def test_all_other_devices_and_leaving_for_good(
    screen: Visit, ann: Person, elsewhere: Callable[[Person], None]
) -> None:
    elsewhere(ann)
    sign_in(screen, ann)
    screen.go("/account/devices")
    screen.press("Sign out all other devices")
    assert screen.page.locator("li").count() == 1
    screen.go("/account")
    screen.press("Delete the account")
    screen.fill(current_password=ann.password)
    screen.press("Delete the account for good")
    assert screen.told == "Your account is deleted, with everything that belonged to it."
    sign_in(screen, ann)
    assert "Nothing is open to the name" in screen.told


def test_staff_help_somebody(
    screen: Visit, post: Mailbox, boss: Person, ann: Person, elsewhere: Callable[[Person], None]
) -> None:
    elsewhere(ann)
    sign_in(screen, boss)
    screen.press("People")
    assert screen.heading == "People"
    screen.fill(q=ann.email.upper())
    screen.page.select_option("select[name=state]", "active")
    screen.press("Search")
    screen.press(ann.username)
    assert screen.heading == ann.username
    screen.press("Sign out Safari · iPhone")
    assert screen.told == "That device is signed out."
    assert "Signed in nowhere." in screen.page.inner_text("main")
    screen.press("Send a link for a new password")
    assert screen.told == "The mail with the link to choose a new password is on its way."
    assert "/password-reset/" in link_for(post, ann.email)
    screen.press("Deactivate")
    assert screen.told == "This account is deactivated, and signed out on every device."
    screen.press("Activate")
    assert screen.told == "This account is active now: whoever it belongs to can sign in."
    screen.press("Delete the account")
    screen.fill(confirm=boss.email)
    screen.press("Delete the account for good")
    assert "This is not the address of the account." in screen.told
    assert screen.page.input_value("#confirm") == boss.email
    screen.fill(confirm=ann.email)
    screen.press("Delete the account for good")
    assert (screen.path, screen.told) == (
        "/staff/people",
        "The account is deleted, with everything that belonged to it.",
    )
    screen.go(f"/staff/people?q={ann.email}")
    assert "Nobody was found." in screen.page.inner_text("main")


def test_staff_page_through_what_they_searched_for(screen: Visit, service: Server, boss: Person) -> None:
    people = [somebody(service) for _ in range(3)]
    sign_in(screen, boss)
    screen.go("/staff/people?q=@example.org&state=active&limit=2")
    seen = screen.page.locator("tbody th a").all_inner_texts()
    screen.press("Next")
    assert screen.page.locator("tbody th a").first.inner_text() == people[0].username
    assert seen == [people[2].username, people[1].username]
    assert screen.page.input_value("[name=q]") == "@example.org"
    assert screen.page.input_value("[name=state]") == "active"
    screen.press("Newest")
    assert screen.page.locator("tbody th a").all_inner_texts() == seen


def test_a_browser_that_opens_a_link_and_runs_all_scripts_spends_nothing(
    browser: Browser, origin: str, home: AtHome, mailed: MailedLink
) -> None:
    link, fields, leads = mailed
    with visit(browser, origin) as scanner:
        scanner.go(link)
        scanner.page.wait_for_timeout(100)
        scanner.page.reload()
    assert home.send(link, **fields).headers["location"] == leads


def test_what_is_wrong_is_announced_and_has_the_focus(screen: Visit) -> None:
    screen.go("/register")
    screen.fill(username="ann b", email="ann@", password="12345")
    screen.press("Create the account")
    assert screen.page.evaluate("document.activeElement.className") == "refusal"
    screen.page.keyboard.press("Tab")
    screen.page.keyboard.press("Enter")
    assert screen.page.evaluate("document.activeElement.name || location.hash") in {"username", "#username"}


def test_a_password_can_be_looked_at_where_there_are_scripts(screen: Visit, origin: str) -> None:
    screen.go("/sign-in")
    button = screen.page.locator("button.show")
    assert button.is_visible() == screen.scripted
    if screen.scripted:
        screen.fill(password="Rosebud")
        button.click()
        assert screen.page.get_attribute("#password", "type") == "text"
        button.click()
        assert screen.page.get_attribute("#password", "type") == "password"
    assert origin in screen.page.url


def test_every_page_is_for_everybody_in_either_theme_on_every_width(
    browser: Browser, origin: str, post: Mailbox, boss: Person, elsewhere: Callable[[Person], None]
) -> None:
    person, axe, seen = newcomer(), Axe(), set()
    found: list[tuple[str, ...]] = []
    with visit(browser, origin) as screen:
        for name in tour(screen, post, (person, boss), lambda: elsewhere(person)):
            seen.add(name)
            screen.look_for_violations()
            screen.page.emulate_media(color_scheme="light", reduced_motion="reduce")
            found += [(name, *fault) for fault in _faults(axe, screen, AXE)]
            screen.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            found += [(name, "dark", *fault) for fault in _faults(axe, screen, {"runOnly": ["color-contrast"]})]
            # A phone, and WCAG 2.2, 1.4.10: a wide screen at four times the size.
            for width in (PHONE, 320):
                screen.page.set_viewport_size({"width": width, "height": 800})
                found += [(name, "too small", small) for small in screen.page.evaluate(SMALL)]
                if screen.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    found.append((name, f"wider than {width}"))
            screen.page.set_viewport_size({"width": DESKTOP, "height": 800})
    assert found == []
    assert len(seen) == 33


def _faults(axe: Axe, screen: Visit, options: dict[str, list[str]]) -> list[tuple[str, str]]:
    report = axe.run(screen.page, options=options).response
    return [(fault["id"], fault["nodes"][0]["html"]) for fault in report["violations"]]


AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# WCAG 2.2, 2.5.8: what is pressed has 24 by 24 pixels, unless it stands in a sentence.
SMALL = """
[...document.querySelectorAll("a, button, input")].filter((each) => {
  const {width, height} = each.getBoundingClientRect();
  return each.checkVisibility() && (width < 24 || height < 24) && !each.closest("p:not(.aside):not(.below)")
    && !each.matches(".skip");
}).map((each) => each.outerHTML)
"""
