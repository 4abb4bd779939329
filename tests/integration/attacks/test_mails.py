"""What people call themselves, and what becomes of it in mails, on pages and in the log."""

import email
import email.policy
import json
from email.message import EmailMessage

import pytest

from tests.integration.conformance.running import ReceivedMail
from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server, let_mail_come, mails_to

from .acting import NEW_PASSWORD, access_of, browser_of, confirmed, looked_at, reset, reset_link

KNOWN_HEADERS = {
    *("from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"),
    *("content-language", "content-transfer-encoding", "x-peer", "x-mailfrom", "x-rcptto"),
}
AGENTS = [
    "{{ 7*7 }}${7*7}<%= 7*7 %>#{7*7}",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x\tBcc: bb@evil.example",
    "%s%n{0.__class__.__mro__}",
    "https://evil.example/click-here",
    "\x9b31mred\x84\x85",
]


@pytest.fixture(scope="module")
def talkative(serve: Serve) -> Server:
    """Give a service that mails whenever it may."""
    return serve(
        NEW_DEVICE_EMAIL="1",
        PASSWORD_CHANGED_EMAIL_CONFIRMATION="1",
        USERNAME_CHANGED_EMAIL_CONFIRMATION="1",
        SEND_CONFIRMATION_EMAIL="1",
    )


def as_message(mail: ReceivedMail) -> EmailMessage:
    """Read the bytes that arrived as a mail program would."""
    return email.message_from_bytes(mail.source, _class=EmailMessage, policy=email.policy.default)


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent[:20])
def test_a_program_that_names_itself_writes_nothing_into_mails_or_pages(talkative: Server, agent: str) -> None:
    ann = confirmed(talkative)
    attempt = {"identifier": ann.email, "password": ann.password}
    sent = {b"User-Agent": agent.encode("latin-1")}
    access_of(talkative, ann)
    talkative.client.post("/api/login", json=attempt, headers=sent).raise_for_status()
    talkative.client.post("/auth/users/reset_password/", json={"email": ann.email}, headers=sent).raise_for_status()
    mails = mails_to(talkative.mailbox, ann.email, 4)
    telling = agent[:14].encode("latin-1")
    for mail in mails:
        message = as_message(mail)
        assert {name.lower() for name in message} <= KNOWN_HEADERS
        assert message["To"] == ann.email
        shown = b"".join(bytes(part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart())
        assert telling not in shown
    devices = looked_at(talkative, "/account/devices", browser_of(talkative, ann))
    assert devices.status_code == 200
    # The owner sees what a device calls itself, as text.
    assert "<script>alert" not in devices.text
    assert "<img" not in devices.text
    assert "7*7" not in agent or "{{ 7*7 }}" in devices.text


ODD_ADDRESSES = [
    '"{{7*7}}"@example.org',
    '"<script>alert(1)</script>"@example.org',
    '"a,b"@example.org',
    '"a\\"b"@example.org',
    '"x@evil.example>"@example.org',
    "o'hara@example.org",
    "a%0d%0abcc@example.org",
    "{{config}}@example.org",
    "$%7b7*7%7d@example.org",
]


@pytest.mark.parametrize("form", ODD_ADDRESSES)
def test_an_odd_address_gets_its_own_mail_and_nobody_elses(talkative: Server, form: str) -> None:
    local, _, domain = form.rpartition("@")
    tag = newcomer().username
    person = Person(tag, f'{local[:-1]}.{tag}"@{domain}' if local.endswith('"') else f"{local}.{tag}@{domain}")
    answer = talkative.client.post("/auth/users/", json=person.sign_up)
    assert answer.status_code in {201, 400}
    if answer.status_code == 400:
        assert set(answer.json()) == {"email"}
        return
    assert answer.json()["email"] == person.email
    let_mail_come(talkative)
    for mail in talkative.mailbox.holding(tag):
        message = as_message(mail)
        assert {name.lower() for name in message} <= KNOWN_HEADERS
        assert len(message.get_all("To") or []) == 1
        assert len(message["To"].addresses) == 1
        assert mail.to.rpartition("@")[2] == "example.org"
        html = message.get_body(("html",))
        assert html is not None
        assert "<script>" not in html.get_content()
        assert "49." + tag not in html.get_content() + mail.text


BROKEN_ADDRESSES = [
    "=?utf-8?q?b=40evil.example=3e?=@example.org",
    "=?utf-8?b?YkBldmlsLmV4YW1wbGU=?=@example.org",
    "%s\r\nBcc: b@evil.example",
    "%s\nBcc: b@evil.example",
    "%s\x0bBcc: b@evil.example",
    "%s\x85Bcc:b@evil.example",
    "%s\u2028Bcc:b@evil.example",
    '"a\r\nBcc: b@evil.example"@example.org',
    "%s,b@evil.example",
    "%s;b@evil.example",
    "%s b@evil.example",
    "%s>,<b@evil.example",
    "b@evil.example\0%s",
    "<%s>",
    "%s (comment)",
    "b@[127.0.0.1]",
    "b@localhost\r\n%s",
]


@pytest.mark.parametrize("form", BROKEN_ADDRESSES, ids=ascii)
def test_two_addresses_or_two_lines_are_refused_wherever_an_address_is_taken(service: Server, form: str) -> None:
    ann = confirmed(service)
    typed = form.replace("%s", ann.email)
    doors = {
        "/auth/users/": {**newcomer().sign_up, "email": typed},
        "/api/register": {**newcomer().sign_up, "email": typed},
        "/auth/users/resend_activation/": {"email": typed},
        "/auth/users/reset_password/": {"email": typed},
        "/auth/users/reset_username/": {"email": typed},
        "/api/reset_password": {"email": typed},
        "/api/activate/resend": {"email": typed},
    }
    found = {path: service.client.post(path, json=body).status_code for path, body in doors.items()}
    found["PATCH"] = service.client.patch(
        "/api/user", json={"email": typed}, headers=access_of(service, ann)
    ).status_code
    assert set(found.values()) <= {400, 422}, found


@pytest.mark.parametrize("field", [["%s"], ["%s", "b@evil.example"], {"0": "%s"}, {"$ne": ""}, True, 5], ids=str)
def test_an_address_is_one_text_and_nothing_else(service: Server, ann: Person, field: object) -> None:
    typed = json.loads(json.dumps(field).replace("%s", ann.email))
    for path in ("/auth/users/reset_password/", "/api/reset_password", "/auth/users/resend_activation/"):
        assert service.client.post(path, json={"email": typed}).status_code in {400, 422}
    form = service.client.post("/auth/users/reset_password/", data={"email[]": [ann.email, "b@evil.example"]})
    assert form.status_code == 400
    let_mail_come(service)
    assert len(service.mailbox.holding(ann.email)) == 1
    assert not [mail for mail in service.mailbox.holding("") if mail.to.endswith("@evil.example")]


NAMES = [
    "{{7*7}}",
    "${7*7}",
    "<script>",
    "a\r\nBcc: b@evil.example",
    "a\x0bb",
    "a\u202eb",
    "a\u200bb",
    "a\u2066b",
    "a\u00a0b",
]


@pytest.mark.parametrize("name", [*NAMES, "a\ufeffb", "a/../b", "\u3164", "a\0b", "=cmd|' /C calc'!A0"], ids=ascii)
def test_a_name_that_is_more_than_a_name_is_refused_wherever_one_is_taken(service: Server, name: str) -> None:
    ann = confirmed(service)
    link = reset_link(service, ann, "username")
    access = access_of(service, ann)
    change = {"current_password": ann.password, "new_username": name}
    answers = [
        service.client.post("/auth/users/", json={**newcomer().sign_up, "username": name}),
        service.client.post("/api/register", json={**newcomer().sign_up, "username": name}),
        service.client.post("/auth/users/set_username/", json=change, headers=access),
        service.client.patch("/api/user", json={"username": name}, headers=access),
        service.client.post("/auth/users/reset_username_confirm/", json={**link.halves, "new_username": name}),
    ]
    assert {answer.status_code for answer in answers} <= {400, 422}


def test_what_attackers_typed_is_one_line_each_in_a_log_and_a_journal_that_verify(talkative: Server) -> None:
    ann = confirmed(talkative)
    forged = '{"event":"signed_in","user_id":1,"why":"by the operator"}'
    for typed in (f"x\n{forged}", f"x\r\n{forged}", f"x\u2028{forged}", f"x\x1b[2J{forged}", 'x","event":"signed_in'):
        attempt = {"identifier": typed, "password": typed}
        headers = {b"User-Agent": typed.replace("\r", "").replace("\n", "\t").encode()}
        talkative.client.post("/api/login", json=attempt, headers=headers)
        talkative.client.post("/auth/users/", json={**newcomer().sign_up, "username": typed}, headers=headers)
    # The welcome must not come between the link and whoever waits for it.
    let_mail_come(talkative)
    assert reset(talkative, reset_link(talkative, ann), NEW_PASSWORD) == 204
    lines = talkative.lines
    assert lines
    assert not [line for line in lines if line.get("why") == "by the operator" and line.get("user_id") == 1]
    assert all(char.isprintable() for line in talkative.log.split("\n") for char in line)
    assert "fits" in talkative.run("journal", "verify") or "whole" in talkative.run("journal", "verify")
