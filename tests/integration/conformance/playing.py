"""Plays scenarios against a running service and says, in sentences, what came back otherwise than expected."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from msgspec import UNSET

from .comparison import agrees, same_methods
from .placeholders import MissingValue, fill
from .running import Mailbox, ReceivedMail, Service
from .scenarios import SETTINGS, Exchange, Expected, ExpectedMail, Scenario, Upload

STAFF = {"staff_username": "root-rgkvxjz", "staff_email": "root-rgkvxjz@example.com", "staff_password": "Root-horse-42"}
_CHALLENGE = 'Bearer realm="api"'
_AT_ONCE = 4
_MAIL_PATIENCE = 4.0
_QUIET = 0.3
_LINKS = {
    "ACTIVATION_URL": "activate/{uid}/{token}",
    "PASSWORD_RESET_CONFIRM_URL": "password-reset/{uid}/{token}",
    "USERNAME_RESET_CONFIRM_URL": "username-reset/{uid}/{token}",
}


def play_profile(
    profile: str, scenarios: Sequence[Scenario], mailbox: Mailbox, folder: Path, more: Mapping[str, str]
) -> dict[str, list[str]]:
    """Start the service with a profile's settings and `more`, play these scenarios; return what is wrong with each."""
    settings = {**SETTINGS[profile], **more}
    with Service(settings, mailbox.port, folder) as service:
        if any(scenario.needs_staff for scenario in scenarios):
            service.add_staff(STAFF["staff_username"], STAFF["staff_email"], STAFF["staff_password"])
        plays = [_Play(scenario, service.client, mailbox, settings) for scenario in scenarios]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(_Play.run, plays))
        # A mail that must not come can only be waited for; one wait is enough for them all.
        time.sleep(_QUIET)
        for play in plays:
            play.look_for_more_mails()
        return {play.scenario.id: play.differences for play in plays}


class _Play:
    """One scenario being played: the values it has saved so far, the mails it has accounted for, what was wrong."""

    def __init__(self, scenario: Scenario, client: httpx.Client, mailbox: Mailbox, settings: Mapping[str, str]) -> None:
        self.scenario = scenario
        self.differences: list[str] = []
        self._client = client
        self._mailbox = mailbox
        self._settings = settings
        self._taken = 0
        number = 710_000_000 + int(scenario.tag[-3:])
        self._values: dict[str, object] = {
            **STAFF,
            "tag": scenario.tag,
            "secret": settings["SECRET_KEY"],
            "number": number,
            "half": number + 0.5,
        }

    def run(self) -> None:
        for position, exchange in enumerate(self.scenario.exchanges, 1):
            self._where = f"{position}. {exchange.do}"
            if exchange.expected is None:
                time.sleep(exchange.sleep)
                continue
            try:
                answer = self._send(exchange)
                self._judge(answer, exchange.expected, exchange.save)
            except MissingValue as missing:
                self._differs(f"needs {missing}, which no earlier answer gave")
            except httpx.TransportError as fault:
                self._differs(f"no answer: {fault!r}")

    def look_for_more_mails(self) -> None:
        for mail in self._mailbox.holding(self.scenario.tag)[self._taken :]:
            self.differences.append(f"a mail nobody expected: to {mail.to}, {self._link_in(mail.text)[0] or 'no link'}")

    def _send(self, exchange: Exchange) -> httpx.Response:
        method, _, path = self._fill(exchange.do).partition(" ")
        headers = {}
        content: dict[str, Any] = {}
        if exchange.json is not UNSET:
            headers["Content-Type"] = "application/json"
            content["content"] = json.dumps(self._fill(exchange.json))
        elif exchange.form is not None:
            content["data"] = self._fill(exchange.form)
        elif exchange.multipart is not None:
            content["files"] = {
                name: (part.filename, part.content, "text/plain")
                if isinstance(part, Upload)
                else (None, self._fill(part))
                for name, part in exchange.multipart.items()
            }
        elif exchange.raw is not None:
            headers["Content-Type"] = exchange.type
            content["content"] = self._fill(exchange.raw)
        headers.update(exchange.headers)
        if exchange.auth is not None:
            headers["Authorization"] = self._fill(exchange.auth)
        raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return self._client.request(method, path, headers=raw_headers, **content)

    def _judge(self, answer: httpx.Response, expected: Expected, save: Mapping[str, str]) -> None:
        statuses = expected.status if isinstance(expected.status, list) else [expected.status]
        if answer.status_code not in statuses:
            wanted = " or ".join(map(str, statuses))
            self._differs(f"status {answer.status_code}, expected {wanted}; body {answer.text[:300]}")
        else:
            self._judge_headers(answer, expected)
            self._judge_body(answer, expected)
        body = _json_of(answer)
        for path, name in expected.differs_from.items():
            if _dig(body, path) == self._values.get(name):
                self._differs(f"{path} is the {name} given before, expected another")
        for name, path in save.items():
            if (value := _dig(body, path)) is not None:
                self._values[name] = value
        self._judge_mails(expected.mails)

    def _judge_headers(self, answer: httpx.Response, expected: Expected) -> None:
        if expected.allow and not same_methods(expected.allow, answer.headers.get("allow", "")):
            self._differs(f"Allow {answer.headers.get('allow')!r}, expected {expected.allow!r}")
        challenge = answer.headers.get("www-authenticate")
        if answer.status_code == httpx.codes.UNAUTHORIZED and challenge != _CHALLENGE:
            self._differs(f"WWW-Authenticate {challenge!r}, expected {_CHALLENGE!r}")

    def _judge_body(self, answer: httpx.Response, expected: Expected) -> None:
        if expected.body == "<any>":
            return
        if expected.body is UNSET:
            if answer.content:
                self._differs(f"body {answer.text[:300]}, expected none")
            return
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind != "application/json":
            self._differs(f"Content-Type {kind!r}, expected 'application/json'")
        got = _json_of(answer)
        if expected.among_others and isinstance(got, list):
            got = [item for item in got if self.scenario.tag in str(item)]
        want = self._fill(expected.body)
        algorithm = self._settings.get("JWT_ALGORITHM")
        if not agrees(want, got, more_is_welcome=answer.is_success, algorithm=algorithm):
            self._differs(f"body {answer.text[:300]}, expected {json.dumps(want)}")

    def _judge_mails(self, expected: Sequence[ExpectedMail]) -> None:
        wanted = sorted(((self._fill(mail.to), mail) for mail in expected), key=lambda pair: pair[0])
        came = sorted(self._await_mails(len(wanted)), key=lambda mail: mail.to)
        forms = [(to, mail.link) for to, mail in wanted]
        if (arrived := [(mail.to, self._link_in(mail.text)[0]) for mail in came]) != forms:
            self._differs(f"mails {arrived}, expected {forms}")
            return
        for (_, wish), mail in zip(wanted, came, strict=True):
            self._judge_mail(wish, mail)

    def _judge_mail(self, wish: ExpectedMail, mail: ReceivedMail) -> None:
        if mail.sender != self._settings["MAIL_FROM"]:
            self._differs(f"a mail from {mail.sender!r}, expected {self._settings['MAIL_FROM']!r}")
        if not mail.text or not mail.html:
            self._differs(f"a mail without its {'HTML' if mail.text else 'plain text'}")
        if self._fill(wish.says) not in mail.text:
            self._differs(f"a mail that does not say {self._fill(wish.says)!r}: {mail.text}")
        if wish.save_as:
            _, link = self._link_in(mail.text)
            self._values |= {f"{wish.save_as}_uid": link.get("uid"), f"{wish.save_as}_link": link.get("token")}

    def _await_mails(self, count: int) -> list[ReceivedMail]:
        """Return the next mails of this scenario, as many as are expected, or as many of them as come."""
        deadline = time.monotonic() + _MAIL_PATIENCE
        end = self._taken + count
        while len(mails := self._mailbox.holding(self.scenario.tag)) < end and time.monotonic() < deadline:
            time.sleep(0.01)
        mails = mails[self._taken : end]
        self._taken += len(mails)
        return mails

    def _link_in(self, text: str) -> tuple[str | None, dict[str, str]]:
        """Find the link in a mail: the setting that formed it, and what it carries."""
        for setting, usual in _LINKS.items():
            form = f"{self._settings['FRONTEND_URL']}/{self._settings.get(setting, usual)}"
            pattern = (
                re.escape(form).replace(r"\{uid\}", r"(?P<uid>[\w-]+)").replace(r"\{token\}", r"(?P<token>[\w-]+)")
            )
            if found := re.search(rf"{pattern}(?=\s|$)", text):
                return setting, found.groupdict()
        return None, {}

    def _fill(self, value: Any) -> Any:  # noqa: ANN401 - JSON in, the same JSON filled out
        return fill(value, self._values)

    def _differs(self, how: str) -> None:
        self.differences.append(f"{self._where}: {how}")


def _json_of(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _dig(body: object, key: str) -> object:
    return body.get(key) if isinstance(body, dict) else None
