"""How pages are served: their headers, their files, what stands where there is no page, and what the operator chose."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.api.app import create_app
from auth_service.api.options import Options
from auth_service.api.pages.assets import DARK, LIGHT, load_assets
from auth_service.api.pages.look import Look
from auth_service.appearance import Appearance, contrast
from auth_service.domain.errors import Busy
from auth_service.domain.policy import Policy
from auth_service.languages import words
from tests.integration.wire.people import Person

from .person import SAME_ORIGIN, AtHome, heading, said

OPEN = ["/", "/sign-in", "/register", "/forgot-password", "/forgot-name", "/resend-activation", "/signed-out"]
INSIDE = ["/account", *(f"/account/{page}" for page in ("name", "email", "password", "language", "devices", "delete"))]
HTML = {"accept": "text/html"}
PLAIN = Appearance(site_name="Larkspur")


async def _ping() -> None:
    """Answer."""


@asynccontextmanager
async def pages(
    look: Look | None, core: MemoryCore | None = None, headers: Mapping[str, str] = HTML
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(core or memory_core(), Options(pages=look), ping=_ping)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type] # Litestar's are unions
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        yield client


@pytest.mark.parametrize("path", [*OPEN, *INSIDE, "/nowhere", "/check-mail/activation"])
def test_every_page_is_kept_to_itself(home: AtHome, ann: Person, path: str) -> None:
    if path in INSIDE:
        home.sign_in(ann)
    answer = home.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script>|javascript:", answer.text)
    assert not re.search(r'(?:src|href|action)="(?!/|#)', answer.text)
    assert '<html lang="en" dir="ltr">' in answer.text


@pytest.mark.parametrize("path", OPEN)
def test_head_is_answered_like_get(home: AtHome, path: str) -> None:
    answer = home.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_what_pages_need_has_a_path_of_its_own_and_is_kept_for_good(home: AtHome) -> None:
    needed = re.findall(r'"(/pages/[^"]+)"', home.get("/").text)
    assert len(needed) == 3
    for path in needed:
        answer = home.get(path)
        assert answer.status_code == 200
        assert re.fullmatch(r"/pages/\w+\.[0-9a-f]{16}\.(css|js|svg)", path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "https:" not in answer.text
        assert "/*" + "ACCENT" not in answer.text
    assert home.get("/pages/pages.css").status_code == 404
    assert home.get("/pages/..%2fdesk.py").status_code == 404


def test_where_there_is_no_page_people_get_one_and_programs_get_json(home: AtHome) -> None:
    assert heading(home.get("/nowhere")) == "There is nothing here"
    assert home.get("/nowhere", accept="*/*").headers["content-type"] == "application/problem+json"
    for path in ("/api/nowhere", "/auth/nowhere"):
        assert home.get(path).headers["content-type"].endswith("json")


def test_a_method_that_a_page_does_not_take_gets_a_page(home: AtHome) -> None:
    answer = home.client.request("DELETE", "/sign-in")
    assert (answer.status_code, heading(answer)) == (405, "This page cannot do that")
    assert "POST" in answer.headers["allow"]
    assert home.get("/sign-out").status_code == 405


@pytest.mark.parametrize("path", INSIDE)
def test_whoever_is_not_signed_in_is_asked_to(home: AtHome, path: str) -> None:
    for answer in (home.get(path), home.get(path, cookie="session=0000")):
        assert answer.headers["location"] == f"/sign-in?next={path}"


async def test_while_the_database_is_away_a_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    core = memory_core()

    async def away(*_: object) -> None:
        raise Busy(2.0)

    monkeypatch.setattr(type(core.sessions), "by_token", away)
    async with pages(Look(PLAIN), core) as client:
        answer = await client.get("/account", headers={"cookie": "session=x"})
    assert (answer.status_code, heading(answer)) == (503, "We cannot do this at the moment")
    assert "Please wait 2 seconds" in said(answer)
    assert answer.headers["retry-after"] == "2"


async def test_a_fault_of_ours_is_told_as_one_and_shows_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    core = memory_core()

    async def burn(*_: object) -> None:
        raise RuntimeError("the roof is on fire")

    monkeypatch.setattr(type(core.users), "by_email", burn)
    async with pages(Look(PLAIN), core) as client:
        answer = await client.post("/register", data={"username": "a", "email": "a@b.org"}, headers=SAME_ORIGIN)
    assert (answer.status_code, heading(answer)) == (500, "Something went wrong here")
    assert "roof" not in answer.text


async def test_pages_can_be_switched_off() -> None:
    async with pages(None) as client:
        for path in (*OPEN, "/account"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_where_people_sign_in_by_address_nobody_is_asked_for_a_name() -> None:
    async with pages(Look(PLAIN), memory_core(Policy(login_field="email"))) as client:
        form = (await client.get("/register")).text
        assert 'name="username"' not in form
        assert 'type="email" autocomplete="username"' in form
        assert "Forgotten your name?" not in (await client.get("/sign-in")).text


async def test_the_name_the_logo_and_the_colour_are_the_operators() -> None:
    chosen = Appearance(site_name="<Larkspur>", accent="#ffcc00", logo_url="https://cdn.example:443/logo.svg")
    async with pages(Look(chosen)) as client:
        answer = await client.get("/")
    assert "&lt;Larkspur&gt;" in answer.text
    assert 'src="https://cdn.example:443/logo.svg"' in answer.text
    assert "img-src 'self' https://cdn.example;" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("accent", ["#2a5d78", "#ffcc00", "#000000", "#ffffff", "#ff0000", "#00ff88", "#777777"])
def test_whatever_the_colour_is_it_can_be_read(accent: str) -> None:
    loaded = load_assets(Appearance(site_name="Larkspur", accent=accent))
    sheet = loaded.by_name[loaded.paths["pages.css"].rpartition("/")[2]].content.decode()
    accents, upon = re.findall(r"--accent: (#\w+);", sheet), re.findall(r"--upon-accent: (#\w+);", sheet)
    for colour, text, ground in zip(accents, upon, (LIGHT, DARK), strict=True):
        assert f"#{ground[1:]}" in sheet
        assert contrast(colour, ground) >= 4.5
        assert contrast(colour, text) >= 4.5


async def test_a_template_of_the_operators_stands_in_for_ours_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    own = '{% extends "layout.html" %}{% block title %}Hi{% endblock %}{% block content %}<h1>Moin</h1>{% endblock %}'
    (tmp_path / "pages" / "welcome.html").write_text(own)
    (tmp_path / "pages" / "error.html").write_text("{{ nothing.of.the.kind }}")
    async with pages(Look(PLAIN, templates=tmp_path / "pages")) as client:
        assert heading(await client.get("/")) == "Moin"
        assert heading(await client.get("/sign-in")) == "Sign in"
        broken = await client.get("/nowhere")
    assert broken.status_code == 500
    assert "Something went wrong here" in broken.text


def test_nothing_of_the_pages_is_loaded_before_somebody_looks() -> None:
    look = Look(PLAIN)
    assert not {"_environment", "assets"} & vars(look).keys()
    look.page("welcome.html", words("en"), {"user": None, "told": None, "notice": "", "typed": {}})
    assert {"_environment", "assets"} <= vars(look).keys()


@pytest.mark.parametrize(
    ("wish", "language", "direction"), [("ar, en;q=0.5", "ar", "rtl"), ("de-AT", "de", "ltr"), ("xx", "en", "ltr")]
)
def test_pages_are_in_the_language_that_a_browser_wishes_for(
    home: AtHome, wish: str, language: str, direction: str
) -> None:
    answer = home.get("/sign-in", **{"accept-language": wish})
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    assert answer.headers["content-language"] == language


def test_whoever_chose_a_language_gets_it_whatever_their_browser_wishes_for(home: AtHome, ann: Person) -> None:
    home.sign_in(ann)
    assert home.send("/account/language", language="ar").headers["location"] == "/account"
    assert '<html lang="ar" dir="rtl">' in home.get("/account", **{"accept-language": "de"}).text
    assert home.send("/account/language", language="xx").status_code == 422


async def test_where_nobody_wishes_for_a_language_it_is_the_sites() -> None:
    async with pages(Look(PLAIN, language="pl")) as client:
        assert '<html lang="pl"' in (await client.get("/")).text
