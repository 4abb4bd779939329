"""A tour through all pages, in an order in which people meet them: for whoever looks at each of them."""

import re
from collections.abc import Callable, Iterator

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.people import Person
from tests.integration.wire.serving import mails_to

from .browser import Visit

_LINK = re.compile(r"https?://\S+/(?:activate|password-reset|username-reset)/\S+")


def link_for(mailbox: Mailbox, address: str, number: int = 1) -> str:
    """Return the link in the mail of this number for an address, whole, as people click it."""
    found = _LINK.search(mails_to(mailbox, address, number)[number - 1].text)
    assert found
    return found[0]


def sign_in(visit: Visit, person: Person) -> None:
    """Sign in, from wherever one is."""
    visit.go("/sign-in")
    visit.fill(name=person.username, password=person.password)
    visit.press("Sign in")


def tour(visit: Visit, mailbox: Mailbox, people: tuple[Person, Person], elsewhere: Callable[[], None]) -> Iterator[str]:
    """Stop at every page and give its name: as a person, and as staff. `elsewhere` signs the person in elsewhere."""
    person, boss = people
    yield from _come_in(visit, mailbox, person)
    elsewhere()
    yield from _look_after(visit, person)
    yield from _get_back_in(visit, mailbox, person)
    yield from _help_others(visit, boss, person)
    yield from _leave(visit, person)


def _come_in(visit: Visit, mailbox: Mailbox, person: Person) -> Iterator[str]:
    visit.go("/")
    yield "welcome"
    visit.go("/register")
    yield "register"
    visit.fill(username="ann b", email="ann@", password="12345")
    visit.press("Create the account")
    yield "register-faults"
    visit.fill(username=person.username, email=person.email, password=person.password)
    visit.press("Create the account")
    yield "check-mail"
    link = link_for(mailbox, person.email)
    visit.go(link)
    yield "activate"
    visit.press("Confirm this address")
    yield "sign-in-confirmed"
    visit.go(link)
    yield "link-spent"
    visit.go(f"{link[:-4]}0000")
    yield "link-wrong"
    visit.go("/sign-in")
    yield "sign-in"
    visit.fill(name=person.username, password="quite-wrong")
    visit.press("Sign in")
    yield "sign-in-faults"
    visit.fill(password=person.password)
    visit.press("Sign in")


def _look_after(visit: Visit, person: Person) -> Iterator[str]:
    visit.go("/account")
    yield "account"
    visit.go("/account/email")
    yield "account-email"
    visit.fill(email=f"new.{person.email}")
    visit.press("Save the new address")
    yield "account-pending"
    visit.press("Keep the present address")
    visit.go("/account/name")
    yield "account-name"
    visit.go("/account/password")
    yield "account-password"
    visit.fill(current_password="quite-wrong", new_password="another good one")
    visit.press("Save the new password")
    yield "account-password-faults"
    visit.go("/account/language")
    yield "account-language"
    visit.go("/account/devices")
    yield "account-devices"
    visit.go("/account/delete")
    yield "account-delete"
    visit.go("/account")
    visit.press("Sign out")
    yield "signed-out"


def _get_back_in(visit: Visit, mailbox: Mailbox, person: Person) -> Iterator[str]:
    visit.go("/resend-activation")
    yield "resend-activation"
    visit.go("/forgot-password")
    yield "forgot-password"
    visit.fill(email=person.email)
    visit.press("Send the mail")
    yield "check-mail-password"
    visit.go(link_for(mailbox, person.email, 2))
    yield "new-password"
    visit.go("/forgot-name")
    yield "forgot-name"
    visit.fill(email=person.email)
    visit.press("Send the mail")
    visit.go(link_for(mailbox, person.email, 3))
    yield "new-name"


def _help_others(visit: Visit, boss: Person, person: Person) -> Iterator[str]:
    sign_in(visit, boss)
    visit.go("/staff/people?limit=5")
    yield "staff-people"
    visit.go("/staff/people?state=asleep&before=then")
    yield "staff-people-faults"
    visit.go("/staff/people")
    visit.fill(q=person.email)
    visit.press("Search")
    visit.press(person.username)
    yield "staff-person"
    visit.press("Deactivate")
    yield "staff-person-deactivated"
    visit.press("Activate")
    visit.press("Delete the account")
    visit.fill(confirm=boss.email)
    visit.press("Delete the account for good")
    yield "staff-delete-faults"
    visit.go("/account")
    visit.press("Sign out")


def _leave(visit: Visit, person: Person) -> Iterator[str]:
    visit.go("/nowhere")
    yield "not-found"
    sign_in(visit, person)
    visit.go("/account/delete")
    visit.fill(current_password=person.password)
    visit.press("Delete the account for good")
    yield "deleted"
