"""The yardstick: the service's hot paths with its shapes, on the same framework and server, and no work behind them."""

import argparse

import msgspec
import uvicorn
from litestar import Litestar, get, post
from litestar.params import JSONBody
from uvicorn.config import HTTPProtocolType, LoopFactoryType

# As long as the real ones: a yardstick that writes fewer bytes would measure short.
TOKEN = "t" * 311


class Token(msgspec.Struct):
    """What verify is asked."""

    token: str


class Refresh(msgspec.Struct):
    """What refresh is asked."""

    refresh: str


class Access(msgspec.Struct):
    """What refresh answers."""

    access: str


class Pair(msgspec.Struct):
    """What a sign-in answers."""

    refresh: str
    access: str


class SignIn(msgspec.Struct):
    """What a sign-in is asked."""

    username: str
    password: str


class NewAccount(msgspec.Struct):
    """What registration is asked."""

    username: str
    email: str
    password: str


class Account(msgspec.Struct):
    """An account as its owner sees it."""

    id: int
    username: str
    email: str


class Empty(msgspec.Struct):
    """An answer that says all by its status."""


class Health(msgspec.Struct):
    """The server answers."""

    status: str


@post("/auth/jwt/verify/", status_code=200)
async def verify(data: JSONBody[Token]) -> Empty:
    """Say that the token is good, unseen."""
    del data
    return Empty()


@get("/auth/users/me/")
async def me() -> Account:
    """Answer somebody."""
    return Account(id=1, username="somebody-0001", email="somebody-0001@example.com")


@post("/auth/jwt/refresh/", status_code=200)
async def refresh(data: JSONBody[Refresh]) -> Access:
    """Answer a token-long text."""
    del data
    return Access(access=TOKEN)


@post("/auth/jwt/create/", status_code=200)
async def sign_in(data: JSONBody[SignIn]) -> Pair:
    """Let everybody in."""
    del data
    return Pair(refresh=TOKEN, access=TOKEN)


@post("/auth/users/", status_code=201)
async def register(data: JSONBody[NewAccount]) -> Account:
    """Answer the account without keeping it."""
    return Account(id=1, username=data.username, email=data.email)


@get("/health")
async def health() -> Health:
    """Say that the server answers."""
    return Health(status="ok")


app = Litestar(route_handlers=[verify, me, refresh, sign_in, register, health], openapi_config=None)


def main() -> None:
    """Serve until told to stop, as the service does: uvloop, httptools, no access log, no server header."""
    parser = argparse.ArgumentParser(prog="bench.bare", description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loop", default="uvloop", choices=["uvloop", "asyncio"])
    parser.add_argument("--http", default="httptools", choices=["httptools", "h11"])
    chosen = parser.parse_args()
    loop: LoopFactoryType = chosen.loop
    http: HTTPProtocolType = chosen.http
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=chosen.port,
        loop=loop,
        http=http,
        ws="none",
        access_log=False,
        server_header=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
