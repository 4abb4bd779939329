"""The djoser wire where its document says more than the recordings show, and where this service decides for itself."""

import time
import uuid
from itertools import permutations
from typing import Any

import httpx
import jwt
import pytest

from .conftest import Serve
from .people import Person, newcomer
from .serving import SECRET, Link, Server, as_bearer, let_mail_come, link_to, mails_to

NEW_PASSWORD = "another-vK8-9"
CHALLENGE = 'Bearer realm="api"'
BAD_LINK = {"token": ["Invalid token for given user."]}
BAD_UID = {"uid": ["Invalid user id or user doesn't exist."]}


@pytest.fixture(scope="module")
def service(serve: Serve) -> Server:
    return serve()


@pytest.fixture(scope="module")
def by_address(serve: Serve) -> Server:
    """Give a server where people sign in by address, and may prove it later; a changed password ends nothing."""
    return serve(
        LOGIN_FIELD="email",
        ACTIVATION="optional",
        LOGOUT_ON_PASSWORD_CHANGE="0",
        USERNAME_CHANGED_EMAIL_CONFIRMATION="1",
    )


@pytest.fixture(scope="module")
def at_once(serve: Serve) -> Server:
    """Give one where changes of address count at once, everybody sees everybody, and a new password ends it all."""
    return serve(
        EMAIL_CHANGE="immediate",
        LOGOUT_ON_PASSWORD_CHANGE="1",
        HIDE_USERS="0",
        JWT_ROTATE_REFRESH_TOKENS="1",
        JWT_REFRESH_GRACE="1",
    )


@pytest.fixture(scope="module")
def shared_key(serve: Serve) -> Server:
    """Give one whose key others have, too."""
    return serve(ACTIVATION="off", JWT_ALGORITHM="HS256")


@pytest.fixture
def ann(service: Server) -> Person:
    return active(service)


def active(service: Server) -> Person:
    """Register somebody and prove their address."""
    person = newcomer()
    register(service, person)
    service.client.post(
        "/auth/users/activation/", json=link_to(service.mailbox, person.email).halves
    ).raise_for_status()
    return person


def register(service: Server, person: Person) -> int:
    return int(service.client.post("/auth/users/", json=person.sign_up).raise_for_status().json()["id"])


def pair(service: Server, person: Person) -> dict[str, str]:
    answer = service.client.post("/auth/jwt/create/", json={"identifier": person.email, "password": person.password})
    tokens: dict[str, str] = answer.raise_for_status().json()
    return tokens


def opaque(service: Server, person: Person) -> str:
    attempt = {"identifier": person.email, "password": person.password}
    return str(service.client.post("/auth/token/login/", json=attempt).raise_for_status().json()["auth_token"])


def bearer(service: Server, person: Person) -> dict[str, str]:
    return as_bearer(pair(service, person)["access"])


def me(service: Server, token: str, scheme: str = "Bearer") -> httpx.Response:
    return service.client.get("/auth/users/me/", headers={"Authorization": f"{scheme} {token}"})


def is_good(service: Server, token: str) -> bool:
    return me(service, token).status_code == 200


def said(answer: httpx.Response) -> tuple[int, Any]:
    """Return status and body; None for none."""
    return answer.status_code, answer.json() if answer.content else None


# --- changing an address ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_new_address_waits_for_its_proof_and_nobody_is_signed_out(service: Server, ann: Person, method: str) -> None:
    auth, new = bearer(service, ann), newcomer().email
    answer = service.client.request(method, "/auth/users/me/", json={"email": new}, headers=auth)
    status, account = said(answer)
    assert status == 200
    assert account == {"id": account["id"], "username": ann.username, "email": ann.email, "pending_email": new}
    assert said(service.client.get(f"/auth/users/{account['id']}/", headers=auth)) == (200, account)

    link = link_to(service.mailbox, new).halves
    assert said(service.client.post("/auth/users/activation/", json=link)) == (204, None)
    stale = service.client.post("/auth/users/activation/", json=link)
    assert said(stale) == (403, {"detail": "Stale token for given user."})
    assert said(service.client.get("/auth/users/me/", headers=auth)) == (
        200,
        {"id": account["id"], "username": ann.username, "email": new},
    )
    assert len(mails_to(service.mailbox, ann.email, 2)) == 2


def test_asking_for_the_address_one_has_changes_nothing_and_takes_a_proposal_back(service: Server, ann: Person) -> None:
    auth, new = bearer(service, ann), newcomer().email
    plain = service.client.get("/auth/users/me/", headers=auth).json()
    assert service.client.patch("/auth/users/me/", json={"email": ann.email}, headers=auth).json() == plain
    service.client.patch("/auth/users/me/", json={"email": new}, headers=auth).raise_for_status()
    link = link_to(service.mailbox, new)
    assert service.client.patch("/auth/users/me/", json={"email": ann.email}, headers=auth).json() == plain
    assert said(service.client.post("/auth/users/activation/", json=link.halves)) == (400, BAD_LINK)
    let_mail_come(service)
    assert len(service.mailbox.holding(ann.email)) == 1


def test_an_address_of_somebody_else_is_refused_whatever_its_case(service: Server, ann: Person) -> None:
    bea = active(service)
    answer = service.client.patch("/auth/users/me/", json={"email": bea.email.upper()}, headers=bearer(service, ann))
    assert said(answer) == (400, {"email": ["user with this email address already exists."]})


def test_set_email_waits_for_its_proof_too(by_address: Server) -> None:
    ann, new = newcomer(), newcomer().email
    user_id = register(by_address, ann)
    auth = bearer(by_address, ann)
    change = {"current_password": ann.password, "new_email": new}
    answer = by_address.client.post("/auth/users/set_email/", json=change, headers=auth)
    assert said(answer) == (
        200,
        {"id": user_id, "username": ann.username, "email": ann.email, "pending_email": new},
    )
    assert (
        by_address.client.post("/auth/token/login/", json={"email": new, "password": ann.password}).status_code == 400
    )
    by_address.client.post("/auth/users/activation/", json=link_to(by_address.mailbox, new).halves).raise_for_status()
    assert me(by_address, opaque(by_address, Person(ann.username, new))).json()["email"] == new


def test_set_email_takes_addresses_that_nobody_has_and_nothing_else(by_address: Server) -> None:
    ann, bea = newcomer(), newcomer()
    for person in (ann, bea):
        register(by_address, person)
    auth = bearer(by_address, ann)
    for new, text in (
        ("nobody", "Enter a valid email address."),
        (bea.email.upper(), "user with this email address already exists."),
        (ann.email, "user with this email address already exists."),
    ):
        change = {"current_password": ann.password, "new_email": new}
        answer = by_address.client.post("/auth/users/set_email/", json=change, headers=auth)
        assert said(answer) == (400, {"new_email": [text]})


def test_an_address_reset_by_mail_waits_for_its_proof_too(by_address: Server) -> None:
    ann, new = newcomer(), newcomer().email
    register(by_address, ann)
    by_address.client.post("/auth/users/reset_email/", json={"email": ann.email}).raise_for_status()
    link = link_to(by_address.mailbox, ann.email, 2)
    assert link.page == "username-reset"
    reset = {**link.halves, "new_email": new}
    status, account = said(by_address.client.post("/auth/users/reset_email_confirm/", json=reset))
    assert (status, account["email"], account["pending_email"]) == (200, ann.email, new)
    assert said(by_address.client.post("/auth/users/reset_email_confirm/", json=reset)) == (400, BAD_LINK)


def test_where_addresses_count_at_once_a_change_puts_the_account_to_sleep_until_it_is_proven(at_once: Server) -> None:
    ann, new = active(at_once), newcomer().email
    tokens, token = pair(at_once, ann), opaque(at_once, ann)
    changed = at_once.client.patch("/auth/users/me/", json={"email": new}, headers=as_bearer(tokens["access"]))
    assert (changed.json()["email"], "pending_email" in changed.json()) == (new, False)
    assert said(me(at_once, tokens["access"])) == (401, {"detail": "User is inactive", "code": "user_inactive"})
    assert said(me(at_once, token, "Token")) == (401, {"detail": "User inactive or deleted."})
    asleep = at_once.client.post("/auth/jwt/refresh/", json={"refresh": tokens["refresh"]})
    assert said(asleep) == (401, {"detail": "No active account found for the given token."})
    at_once.client.post("/auth/users/activation/", json=link_to(at_once.mailbox, new).halves).raise_for_status()
    assert is_good(at_once, tokens["access"])
    assert is_good(at_once, token)


# --- what a changed password ends ------------------------------------------------------------------------------------


def _change_password(service: Server, ann: Person, here: str) -> None:
    change = {"current_password": ann.password, "new_password": NEW_PASSWORD}
    answer = service.client.post("/auth/users/set_password/", json=change, headers={"Authorization": f"Bearer {here}"})
    assert said(answer) == (204, None)


@pytest.mark.parametrize("kind", ["jwt", "opaque"])
def test_a_changed_password_ends_the_others(service: Server, ann: Person, kind: str) -> None:
    jwts, opaques = [pair(service, ann)["access"] for _ in range(2)], [opaque(service, ann) for _ in range(2)]
    here = jwts[0] if kind == "jwt" else opaques[0]
    _change_password(service, ann, here)
    assert [token for token in (*jwts, *opaques) if is_good(service, token)] == [here]


def test_a_changed_password_ends_nothing_where_the_operator_says_so(by_address: Server) -> None:
    ann = newcomer()
    register(by_address, ann)
    tokens = [pair(by_address, ann)["access"], pair(by_address, ann)["access"], opaque(by_address, ann)]
    _change_password(by_address, ann, tokens[0])
    assert all(is_good(by_address, token) for token in tokens)


def test_a_changed_password_ends_even_this_session_where_the_operator_says_so(at_once: Server) -> None:
    ann = active(at_once)
    tokens, others = pair(at_once, ann), [pair(at_once, ann)["access"], opaque(at_once, ann)]
    _change_password(at_once, ann, tokens["access"])
    assert not any(is_good(at_once, token) for token in (tokens["access"], *others))
    assert at_once.client.post("/auth/jwt/refresh/", json={"refresh": tokens["refresh"]}).status_code == 401


@pytest.mark.parametrize("name", ["service", "by_address", "at_once"])
def test_a_reset_ends_everything_whatever_the_operator_says(request: pytest.FixtureRequest, name: str) -> None:
    service: Server = request.getfixturevalue(name)
    ann = active(service)
    tokens, token = pair(service, ann), opaque(service, ann)
    service.client.post("/auth/users/reset_password/", json={"email": ann.email}).raise_for_status()
    reset = {**link_to(service.mailbox, ann.email, 2).halves, "new_password": NEW_PASSWORD}
    assert said(service.client.post("/auth/users/reset_password_confirm/", json=reset)) == (204, None)
    assert not is_good(service, tokens["access"])
    assert said(me(service, token, "Token")) == (401, {"detail": "Invalid token."})
    for verb, field in (("refresh", "refresh"), ("verify", "token")):
        dead = service.client.post(f"/auth/jwt/{verb}/", json={field: tokens["refresh"]})
        assert said(dead) == (401, {"detail": "Token is blacklisted", "code": "token_not_valid"})


# --- lifetimes -------------------------------------------------------------------------------------------------------


def test_links_and_tokens_are_good_for_as_long_as_is_set_and_no_longer(serve: Serve) -> None:
    brief = serve(
        ACTIVATION="optional",
        ACTIVATION_TIMEOUT="3",
        PASSWORD_RESET_TIMEOUT="3",
        JWT_ACCESS_TOKEN_LIFETIME="3",
        JWT_REFRESH_TOKEN_LIFETIME="3",
    )
    in_time, late = newcomer(), newcomer()
    links: dict[Person, list[Link]] = {}
    for person in (late, in_time):
        register(brief, person)
        for _ in range(2):
            brief.client.post("/auth/users/reset_password/", json={"email": person.email}).raise_for_status()
        links[person] = [link_to(brief.mailbox, person.email, number) for number in (1, 2)]
    tokens = pair(brief, late)
    claims = jwt.decode(tokens["access"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3
    assert said(_activate(brief, links[in_time][0])) == (204, None)
    assert said(_reset(brief, links[in_time][1])) == (204, None)
    assert is_good(brief, tokens["access"])

    time.sleep(3.1)
    assert said(_activate(brief, links[late][0])) == (400, BAD_LINK)
    assert said(_reset(brief, links[late][1])) == (400, BAD_LINK)
    messages = [{"token_class": "AccessToken", "token_type": "access", "message": "Token is expired"}]
    expired = {"detail": "Given token not valid for any token type", "code": "token_not_valid", "messages": messages}
    assert said(me(brief, tokens["access"])) == (401, expired)
    for verb in ("refresh", "blacklist"):
        answer = brief.client.post(f"/auth/jwt/{verb}/", json={"refresh": tokens["refresh"]})
        assert said(answer) == (401, {"detail": "Token is expired", "code": "token_not_valid"})


def _activate(service: Server, link: Link) -> httpx.Response:
    return service.client.post("/auth/users/activation/", json=link.halves)


def _reset(service: Server, link: Link) -> httpx.Response:
    reset = {**link.halves, "new_password": NEW_PASSWORD}
    return service.client.post("/auth/users/reset_password_confirm/", json=reset)


# --- links -----------------------------------------------------------------------------------------------------------

PURPOSES = {
    "activate": ("activation", {}),
    "password-reset": ("reset_password_confirm", {"new_password": NEW_PASSWORD}),
    "username-reset": ("reset_username_confirm", {"new_username": "somebody-else"}),
}


@pytest.fixture(scope="module")
def links(service: Server) -> dict[str, Link]:
    """Give one link for each purpose, all for an active account."""
    ann = active(service)
    found = [link_to(service.mailbox, ann.email)]
    for what in ("password", "username"):
        service.client.post(f"/auth/users/reset_{what}/", json={"email": ann.email}).raise_for_status()
        found.append(link_to(service.mailbox, ann.email, len(found) + 1))
    return {link.page: link for link in found}


@pytest.mark.parametrize(("mailed_for", "used_for"), [*permutations(PURPOSES, 2)])
def test_a_link_serves_the_one_purpose_it_was_mailed_for(
    service: Server, links: dict[str, Link], mailed_for: str, used_for: str
) -> None:
    verb, more = PURPOSES[used_for]
    answer = service.client.post(f"/auth/users/{verb}/", json={**links[mailed_for].halves, **more})
    assert said(answer) == (400, BAD_LINK)


def test_a_link_serves_the_one_account_it_was_mailed_to(service: Server, ann: Person) -> None:
    bea = newcomer()
    register(service, bea)
    hers, mine = link_to(service.mailbox, bea.email), link_to(service.mailbox, ann.email)
    swapped = service.client.post("/auth/users/activation/", json={"uid": hers.uid, "token": mine.token})
    assert said(swapped) == (400, BAD_LINK)
    for uid in ("OTk5OTk5OTk", "MDE", "LTE", "MQ==", "!!", "x" * 500):
        answer = service.client.post("/auth/users/activation/", json={"uid": uid, "token": hers.token})
        assert said(answer) == (400, BAD_UID)


def test_a_deleted_account_leaves_links_to_nobody_and_its_id_to_no_one(service: Server) -> None:
    ann = active(service)
    user_id = int(me(service, pair(service, ann)["access"]).json()["id"])
    link = link_to(service.mailbox, ann.email)
    gone = {"current_password": ann.password}
    auth = bearer(service, ann)
    assert said(service.client.request("DELETE", "/auth/users/me/", json=gone, headers=auth)) == (204, None)
    assert said(_activate(service, link)) == (400, BAD_UID)
    assert register(service, ann) > user_id
    assert said(_activate(service, link)) == (400, BAD_UID)


def test_somebody_shut_out_is_told_so_and_no_link_lifts_it(service: Server, ann: Person) -> None:
    tokens, token = pair(service, ann), opaque(service, ann)
    for what in ("password", "username"):
        service.client.post(f"/auth/users/reset_{what}/", json={"email": ann.email}).raise_for_status()
        mails_to(service.mailbox, ann.email, 2 if what == "password" else 3)
    service.run("users", "deactivate", ann.email)
    activation, reset, rename = (link_to(service.mailbox, ann.email, number) for number in (1, 2, 3))
    assert said(_activate(service, activation)) == (400, BAD_LINK)
    assert said(_reset(service, reset)) == (400, BAD_LINK)
    renamed = service.client.post(
        "/auth/users/reset_username_confirm/", json={**rename.halves, "new_username": newcomer().username}
    )
    assert said(renamed) == (400, BAD_LINK)
    assert said(me(service, tokens["access"])) == (401, {"detail": "User is inactive", "code": "user_inactive"})
    assert me(service, token, "Token").status_code == 401
    assert service.client.post("/auth/jwt/verify/", json={"token": tokens["access"]}).status_code == 401
    answer = service.client.post("/auth/jwt/create/", json=ann.sign_in)
    assert said(answer) == (401, {"detail": "No active account found with the given credentials"})


def test_a_newcomer_shut_out_gets_no_other_link_and_the_first_is_dead(service: Server) -> None:
    ann = newcomer()
    register(service, ann)
    link = link_to(service.mailbox, ann.email)
    service.run("users", "deactivate", ann.email)
    assert said(_activate(service, link)) == (400, BAD_LINK)
    answer = service.client.post("/auth/users/resend_activation/", json={"email": ann.email})
    assert said(answer) == (204, None)
    let_mail_come(service)
    assert len(service.mailbox.holding(ann.email)) == 1


@pytest.mark.parametrize("path", ["resend_activation", "reset_password", "reset_username"])
def test_who_has_an_account_is_told_to_nobody(service: Server, ann: Person, path: str) -> None:
    unknown = newcomer()
    answers = [
        service.client.post(f"/auth/users/{path}/", json={"email": email}) for email in (ann.email, unknown.email)
    ]
    assert [said(answer) for answer in answers] == [(204, None)] * 2
    told = [{name for name in answer.headers if name != "date"} for answer in answers]
    assert told[0] == told[1]
    let_mail_come(service)
    assert not service.mailbox.holding(unknown.email)


@pytest.mark.parametrize("form", ["%s,x@example.org", "%s;", "%s\r\nBcc: x@example.org", "<%s>", "Ann <%s>"])
def test_a_reset_is_for_one_address_exactly(service: Server, ann: Person, form: str) -> None:
    answer = service.client.post("/auth/users/reset_password/", json={"email": form % ann.email})
    assert said(answer) == (400, {"email": ["Enter a valid email address."]})


@pytest.mark.parametrize(("sign", "twin"), [("k", "\u212a"), ("s", "\u017f"), ("i", "\u0131"), ("a", "\uff41")])
def test_a_look_alike_of_an_address_finds_nobody(service: Server, sign: str, twin: str) -> None:
    ann = newcomer()
    real = Person(ann.username, f"{sign}{ann.email}")
    register(service, real)
    service.client.post("/auth/users/activation/", json=link_to(service.mailbox, real.email).halves).raise_for_status()
    answer = service.client.post("/auth/users/reset_password/", json={"email": f"{twin}{ann.email}"})
    assert answer.status_code in {204, 400}
    let_mail_come(service)
    assert len(service.mailbox.holding(ann.email)) == 1


# --- signing in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["username", "email", "identifier"])
@pytest.mark.parametrize("server", ["service", "by_address"])
def test_jwt_create_takes_a_name_or_an_address_in_any_of_three_fields(
    request: pytest.FixtureRequest, server: str, field: str
) -> None:
    service: Server = request.getfixturevalue(server)
    ann = active(service)
    for name in (ann.email, ann.email.upper(), ann.username, ann.username.upper()):
        if field == "email" and "@" not in name and server == "service":
            continue  # clients of djoser are told that they forgot the username
        answer = service.client.post("/auth/jwt/create/", data={field: name, "password": ann.password})
        assert answer.status_code == 200, answer.text
        assert me(service, answer.json()["access"]).json()["username"] == ann.username


@pytest.mark.parametrize(("server", "field"), [("service", "username"), ("by_address", "email")])
def test_a_missing_name_is_asked_for_by_the_documented_field(
    request: pytest.FixtureRequest, server: str, field: str
) -> None:
    service: Server = request.getfixturevalue(server)
    answer = service.client.post("/auth/jwt/create/", json={})
    required = ["This field is required."]
    assert said(answer) == (400, {field: required, "password": required})


def test_every_sign_in_has_an_opaque_token_of_its_own(service: Server, ann: Person) -> None:
    tokens = [opaque(service, ann) for _ in range(3)]
    assert len(set(tokens)) == 3
    out = service.client.post("/auth/token/logout/", headers={"Authorization": f"Token {tokens[0]}"})
    assert said(out) == (204, None)
    assert [is_good(service, token) for token in tokens] == [False, True, True]


@pytest.mark.parametrize("scheme", ["Token", "token", "TOKEN", "Bearer", "bearer", "JWT"])
def test_an_opaque_token_is_taken_under_every_scheme(service: Server, ann: Person, scheme: str) -> None:
    assert me(service, opaque(service, ann), scheme).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "JWT", "jwt"])
def test_a_jwt_is_taken_whatever_the_case_of_the_scheme(service: Server, ann: Person, scheme: str) -> None:
    assert me(service, pair(service, ann)["access"], scheme).status_code == 200


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "x", "Digest x"])
def test_other_schemes_count_as_absent_and_a_bearer_alone_as_bad(service: Server, value: str) -> None:
    answer = service.client.get("/auth/users/me/", headers={"Authorization": value})
    absent = {"detail": "Authentication credentials were not provided."}
    alone = {
        "detail": "Authorization header must contain two space-delimited values",
        "code": "bad_authorization_header",
    }
    assert said(answer) == (401, alone if value == "Bearer" else absent)


def test_names_are_found_as_they_were_typed(service: Server) -> None:
    ann = newcomer()
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in ann.username)
    answer = service.client.post("/auth/users/", json={**ann.sign_up, "username": wide})
    assert (answer.status_code, answer.json()["username"]) == (201, ann.username)
    service.client.post("/auth/users/activation/", json=link_to(service.mailbox, ann.email).halves).raise_for_status()
    for name in (wide, ann.username, ann.username.upper()):
        attempt = {"username": name, "password": ann.password}
        assert service.client.post("/auth/jwt/create/", json=attempt).status_code == 200
    twin = {**newcomer().sign_up, "username": ann.username.upper()}
    taken = {"username": ["A user with that username already exists."]}
    assert said(service.client.post("/auth/users/", json=twin)) == (400, taken)


def test_an_account_without_a_name_shows_none(service: Server) -> None:
    ann = newcomer()
    service.client.post("/api/register", json={"email": ann.email, "password": ann.password}).raise_for_status()
    service.client.post("/auth/users/activation/", json=link_to(service.mailbox, ann.email).halves).raise_for_status()
    account = me(service, pair(service, ann)["access"]).json()
    assert account == {"id": account["id"], "username": None, "email": ann.email}


# --- signed tokens ---------------------------------------------------------------------------------------------------


def test_a_blacklisted_token_is_good_for_nothing_and_its_access_tokens_live_out_their_time(
    service: Server, ann: Person
) -> None:
    tokens, others = pair(service, ann), pair(service, ann)
    body = {"refresh": tokens["refresh"]}
    assert said(service.client.post("/auth/jwt/blacklist/", json=body)) == (200, {})
    dead = {"detail": "Token is blacklisted", "code": "token_not_valid"}
    assert said(service.client.post("/auth/jwt/refresh/", json=body)) == (401, dead)
    assert said(service.client.post("/auth/jwt/blacklist/", json=body)) == (401, dead)
    assert said(service.client.post("/auth/jwt/verify/", json={"token": tokens["refresh"]})) == (401, dead)
    assert is_good(service, tokens["access"])
    assert service.client.post("/auth/jwt/refresh/", json={"refresh": others["refresh"]}).status_code == 200


def test_verify_says_no_to_tokens_of_nobody(service: Server, ann: Person) -> None:
    tokens = pair(service, ann)
    for token in tokens.values():
        assert said(service.client.post("/auth/jwt/verify/", json={"token": token})) == (200, {})
    service.client.request(
        "DELETE", "/auth/users/me/", json={"current_password": ann.password}, headers=as_bearer(tokens["access"])
    ).raise_for_status()
    for token in tokens.values():
        assert service.client.post("/auth/jwt/verify/", json={"token": token}).status_code == 401
    assert said(me(service, tokens["access"])) == (401, {"detail": "User not found", "code": "user_not_found"})
    refreshed = service.client.post("/auth/jwt/refresh/", json={"refresh": tokens["refresh"]})
    assert refreshed.status_code == 401


def test_where_tokens_rotate_a_refresh_gives_the_next_and_reuse_ends_it_all(at_once: Server) -> None:
    first = pair(at_once, active(at_once))["refresh"]
    answers = [at_once.client.post("/auth/jwt/refresh/", json={"refresh": first}) for _ in range(2)]
    assert [set(answer.json()) for answer in answers] == [{"access", "refresh"}] * 2
    # The second is a retry: who never saw an answer sends the same again.
    assert answers[0].json()["refresh"] == answers[1].json()["refresh"] != first
    time.sleep(1.1)
    dead = {"detail": "Token is blacklisted", "code": "token_not_valid"}
    for token in (first, answers[0].json()["refresh"]):
        assert said(at_once.client.post("/auth/jwt/refresh/", json={"refresh": token})) == (401, dead)
    assert not is_good(at_once, answers[0].json()["access"])


def minted(user_id: object, **more: object) -> str:
    """Mint a token as another service would that has the same key."""
    now = int(time.time())
    claims = {
        "token_type": "access",
        "exp": now + 60,
        "iat": now,
        "jti": uuid.uuid4().hex,
        "user_id": user_id,
        **more,
    }
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, SECRET, "HS256")


@pytest.fixture
def known(shared_key: Server) -> tuple[Person, int]:
    person = newcomer()
    return person, register(shared_key, person)


def test_tokens_minted_elsewhere_with_the_same_key_are_good(shared_key: Server, known: tuple[Person, int]) -> None:
    ann, user_id = known
    for token in (minted(str(user_id)), minted(user_id), minted(user_id, iat=None), minted(user_id, extra={"a": [1]})):
        assert me(shared_key, token).json()["username"] == ann.username
        assert said(shared_key.client.post("/auth/jwt/verify/", json={"token": token})) == (200, {})
        assert shared_key.client.get("/api/user", headers=as_bearer(token)).status_code == 200
    change = {"current_password": ann.password, "new_password": NEW_PASSWORD}
    auth = as_bearer(minted(user_id))
    assert shared_key.client.post("/auth/users/set_password/", json=change, headers=auth).status_code == 204


def test_refresh_tokens_minted_elsewhere_can_be_used_and_blacklisted(
    shared_key: Server, known: tuple[Person, int]
) -> None:
    _, user_id = known
    body = {"refresh": minted(user_id, token_type="refresh")}
    answer = shared_key.client.post("/auth/jwt/refresh/", json=body)
    assert (answer.status_code, set(answer.json())) == (200, {"access"})
    assert is_good(shared_key, answer.json()["access"])
    assert said(shared_key.client.post("/auth/jwt/blacklist/", json=body)) == (200, {})
    dead = {"detail": "Token is blacklisted", "code": "token_not_valid"}
    for verb, field in (("refresh", "refresh"), ("blacklist", "refresh"), ("verify", "token")):
        again = shared_key.client.post(f"/auth/jwt/{verb}/", json={field: body["refresh"]})
        assert said(again) == (401, dead)


def test_tokens_minted_elsewhere_die_with_the_account_and_with_a_reset(
    shared_key: Server, known: tuple[Person, int]
) -> None:
    ann, user_id = known
    before = minted(user_id, iat=int(time.time()) - 5)
    assert is_good(shared_key, before)
    shared_key.client.post("/auth/users/reset_password/", json={"email": ann.email}).raise_for_status()
    reset = {**link_to(shared_key.mailbox, ann.email).halves, "new_password": NEW_PASSWORD}
    shared_key.client.post("/auth/users/reset_password_confirm/", json=reset).raise_for_status()
    assert not is_good(shared_key, before)
    shared_key.client.delete("/api/delete_account", headers=bearer(shared_key, ann.with_password(NEW_PASSWORD)))
    assert said(me(shared_key, minted(user_id))) == (401, {"detail": "User not found", "code": "user_not_found"})


def test_a_session_cannot_be_named_by_a_token_of_somebody_else(shared_key: Server, known: tuple[Person, int]) -> None:
    ann, _ = known
    session = jwt.decode(pair(shared_key, ann)["access"], options={"verify_signature": False})["sid"]
    other = register(shared_key, newcomer())
    assert me(shared_key, minted(other, sid=session)).status_code == 401


def test_no_symmetric_key_is_ever_published(shared_key: Server, service: Server) -> None:
    assert shared_key.client.get("/.well-known/jwks.json").json() == {"keys": []}
    published = service.client.get("/.well-known/jwks.json").json()["keys"]
    assert len(published) == 2
    assert [key for key in published if not {"d", "k", "p", "q"}.isdisjoint(key)] == []


def test_our_tokens_are_verified_elsewhere_by_the_published_keys(service: Server, ann: Person) -> None:
    access = pair(service, ann)["access"]
    keys = jwt.PyJWKSet.from_dict(service.client.get("/.well-known/jwks.json").json())
    claims = jwt.decode(access, keys[jwt.get_unverified_header(access)["kid"]].key, algorithms=["ES256"])
    assert claims["user_id"] == str(me(service, access).json()["id"])
    assert set(claims) == {"token_type", "exp", "iat", "jti", "user_id", "sid"}


# --- others' accounts ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boss(service: Server) -> Person:
    person = newcomer()
    service.add_staff(person.username, person.email, person.password)
    return person


def test_staff_see_and_change_everybody(service: Server, boss: Person, ann: Person) -> None:
    auth, new = bearer(service, boss), newcomer().email
    account = me(service, pair(service, ann)["access"]).json()
    everybody = service.client.get("/auth/users/", headers=auth).json()
    assert account in everybody
    assert [each["id"] for each in everybody] == sorted(each["id"] for each in everybody)
    path = f"/auth/users/{account['id']}/"
    assert said(service.client.get(path, headers=auth)) == (200, account)
    changed = service.client.patch(path, json={"email": new}, headers=auth)
    assert said(changed) == (200, {**account, "pending_email": new})
    assert link_to(service.mailbox, new).page == "activate"


def test_staff_delete_others_on_their_own_password(service: Server, boss: Person, ann: Person) -> None:
    auth, token = bearer(service, boss), pair(service, ann)["access"]
    path = f"/auth/users/{me(service, token).json()['id']}/"
    theirs = Person(boss.username, boss.email, "boss-vK8-word")
    change = {"current_password": boss.password, "new_password": theirs.password}
    service.client.post("/auth/users/set_password/", json=change, headers=auth).raise_for_status()
    try:
        wrong = service.client.request("DELETE", path, json={"current_password": ann.password}, headers=auth)
        assert said(wrong) == (400, {"current_password": ["Invalid password."]})
        gone = service.client.request("DELETE", path, json={"current_password": theirs.password}, headers=auth)
        assert said(gone) == (204, None)
        assert not is_good(service, token)
        unused = service.client.get(path, headers=auth)
        assert said(unused) == (404, {"detail": "No User matches the given query."})
    finally:
        back = {"current_password": theirs.password, "new_password": boss.password}
        service.client.post("/auth/users/set_password/", json=back, headers=auth).raise_for_status()


def test_hidden_and_unused_ids_are_one_answer(service: Server, ann: Person) -> None:
    auth, other = bearer(service, ann), register(service, newcomer())
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answers = [
            service.client.request(method, f"/auth/users/{user_id}/", json={}, headers=auth)
            for user_id in (other, 10**9)
        ]
        assert [said(answer) for answer in answers] == [(404, {"detail": "Not found."})] * 2
    (only,) = service.client.get("/auth/users/", headers=auth).json()
    assert only["username"] == ann.username


def test_where_users_are_not_hidden_others_are_listed_and_forbidden(at_once: Server) -> None:
    ann, other = active(at_once), register(at_once, newcomer())
    auth = bearer(at_once, ann)
    assert other in [each["id"] for each in at_once.client.get("/auth/users/", headers=auth).json()]
    forbidden = {"detail": "You do not have permission to perform this action."}
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = at_once.client.request(method, f"/auth/users/{other}/", json={}, headers=auth)
        assert said(answer) == (403, forbidden)
        unused = at_once.client.request(method, f"/auth/users/{10**9}/", json={}, headers=auth)
        assert said(unused) == (404, {"detail": "No User matches the given query."})


def test_nobody_makes_themselves_staff(service: Server) -> None:
    ann = newcomer()
    flags = {"is_staff": True, "is_superuser": True, "is_active": True, "email_confirmed": True, "state": "active"}
    user_id = service.client.post("/auth/users/", json={**ann.sign_up, **flags}).raise_for_status().json()["id"]
    assert service.client.post("/auth/jwt/create/", json=ann.sign_in).status_code == 401
    _activate(service, link_to(service.mailbox, ann.email)).raise_for_status()
    auth = bearer(service, ann)
    for path in ("me", user_id):
        service.client.patch(f"/auth/users/{path}/", json={**flags, "id": 1, "password": "x"}, headers=auth)
    assert len(service.client.get("/auth/users/", headers=auth).json()) == 1
    assert service.client.get("/auth/users/me/", headers=auth).json()["id"] == user_id


# --- what is common to all -------------------------------------------------------------------------------------------

COLLECTION = "GET, POST, HEAD, OPTIONS"
ACCOUNT = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
ACTION = "POST, OPTIONS"
PATHS = {
    "/auth/users/": COLLECTION,
    "/auth/users/me/": ACCOUNT,
    "/auth/users/1/": ACCOUNT,
    **{
        f"/auth/users/{verb}/": ACTION
        for verb in (
            *("activation", "resend_activation", "set_password", "reset_password", "reset_password_confirm"),
            *("set_username", "reset_username", "reset_username_confirm"),
        )
    },
    **{f"/auth/token/{verb}/": ACTION for verb in ("login", "logout")},
    **{f"/auth/jwt/{verb}/": ACTION for verb in ("create", "refresh", "verify", "blacklist")},
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize(("path", "allow"), [*PATHS.items()])
def test_every_answer_says_what_is_allowed_and_every_401_how_to_ask(
    service: Server, ann: Person, path: str, allow: str
) -> None:
    good, bad = bearer(service, ann), as_bearer("x.y.z")
    for method in METHODS:
        for headers in ({}, bad, *([good] if method in {"GET", "HEAD", "POST"} else [])):
            for content in (b"", b"{"):
                answer = service.client.request(method, path, content=content, headers=headers)
                assert answer.headers["allow"] == allow, (method, headers)
                assert (answer.headers.get("www-authenticate") == CHALLENGE) == (answer.status_code == 401)
                assert "token" in path or (answer.status_code == 405) <= (method not in allow.split(", "))


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/auth/users/1/"])
def test_a_post_without_its_final_slash_is_served(service: Server, path: str) -> None:
    answers = [service.client.post(spelled, json={}) for spelled in (path, path.rstrip("/"))]
    assert said(answers[0]) == said(answers[1])


def test_options_needs_no_credentials(service: Server) -> None:
    for path, allow in PATHS.items():
        answer = service.client.options(path)
        assert (answer.status_code, answer.headers["allow"]) == (200, allow)


@pytest.mark.parametrize(("path", "allow"), [*PATHS.items()])
def test_of_several_faults_the_first_counts(service: Server, ann: Person, path: str, allow: str) -> None:
    method = "PATCH" if allow == ACCOUNT else "POST"
    path = path.replace("/1/", "/me/")
    signed_in = bearer(service, ann) if "/set_" in path or allow == ACCOUNT else {}
    wrong = "DELETE" if allow != ACCOUNT else "POST"
    looks_at_header = "/jwt/" not in path

    def asked(method: str, headers: dict[str, str], content: bytes = b"{") -> httpx.Response:
        return service.client.request(method, path, content=content, headers=headers)

    text, bad = {"Content-Type": "text/plain"}, as_bearer("x.y.z")
    assert asked(wrong, {**text, **bad}).status_code == (401 if looks_at_header else 405)
    assert asked(wrong, text).status_code == 405
    assert asked(method, {**text, **bad}).status_code == (401 if looks_at_header else 415)
    if path == "/auth/token/logout/":
        assert asked(method, text).status_code == 401
        return
    if signed_in:
        assert asked(method, text).status_code == 401
    unsupported = {"detail": 'Unsupported media type "text/plain" in request.'}
    assert said(asked(method, {**text, **signed_in})) == (415, unsupported)
    broken = asked(method, {"Content-Type": "application/json", **signed_in})
    assert broken.status_code == 400
    assert broken.json()["detail"].startswith("JSON parse error - ")
    fields = asked(method, {"Content-Type": "application/json", **signed_in}, b"[]")
    assert said(fields) == (400, {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]})


def test_on_jwt_paths_the_header_is_not_looked_at(service: Server, ann: Person) -> None:
    for bad in ("Bearer x.y.z", "Token", "Bearer a b c", "Token \u00e9"):
        answer = service.client.post(
            "/auth/jwt/create/", json=ann.sign_in, headers=[(b"Authorization", bad.encode("latin-1"))]
        )
        assert answer.status_code == 200


def test_bad_credentials_are_refused_even_where_none_are_needed(service: Server) -> None:
    for path in ("/auth/users/", "/auth/token/login/", "/auth/users/activation/", "/auth/users/reset_password/"):
        answer = service.client.post(path, json={}, headers={"Authorization": "Token unknown"})
        assert said(answer) == (401, {"detail": "Invalid token."})


_NULL = "Null characters are not allowed."
_NO_NAME = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
_NO_ADDRESS = "Enter a valid email address."
_REQUIRED = "This field is required."


@pytest.mark.parametrize("path", ["resend_activation", "reset_password", "reset_username"])
def test_all_that_is_wrong_with_an_address_is_said_together(service: Server, path: str) -> None:
    answer = service.client.post(f"/auth/users/{path}/", json={"email": "a\0b"})
    assert said(answer) == (400, {"email": [_NULL, _NO_ADDRESS]})


def test_all_fields_of_a_name_reset_are_judged_together(service: Server) -> None:
    answer = service.client.post("/auth/users/reset_username_confirm/", json={"token": "x", "new_username": "a\0b"})
    assert said(answer) == (400, {"uid": [_REQUIRED], "new_username": [_NO_NAME, _NULL]})


def test_a_current_password_that_cannot_be_one_is_not_tried(service: Server, ann: Person) -> None:
    faulty = {"current_password": "a\0b"}
    by = bearer(service, ann)
    asked = {**faulty, "new_password": NEW_PASSWORD}
    assert said(service.client.post("/auth/users/set_password/", json=asked, headers=by)) == (
        400,
        {"current_password": [_NULL]},
    )
    assert said(service.client.request("DELETE", "/auth/users/me/", json=faulty, headers=by)) == (
        400,
        {"current_password": [_NULL]},
    )


def test_a_retyped_address_is_a_text_like_any_other(serve: Serve) -> None:
    service = serve(LOGIN_FIELD="email", ACTIVATION="off", USERNAME_RESET_CONFIRM_RETYPE="1")
    asked = {"uid": "MQ", "token": "x", "new_email": [], "re_new_email": []}
    assert said(service.client.post("/auth/users/reset_email_confirm/", json=asked)) == (
        400,
        {"new_email": [_NO_ADDRESS], "re_new_email": ["Not a valid string."]},
    )


def test_any_white_space_stands_between_a_scheme_and_its_token(service: Server, ann: Person) -> None:
    access = pair(service, ann)["access"]
    assert service.client.get("/auth/users/me/", headers={"Authorization": f"Bearer\t{access}"}).status_code == 200


def test_without_a_password_the_documented_name_is_asked_for(service: Server) -> None:
    answer = service.client.post("/auth/jwt/create/", json={"email": "ann@example.org"})
    assert said(answer) == (400, {"username": [_REQUIRED], "password": [_REQUIRED]})
