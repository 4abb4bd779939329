"""Who is calling: what the Authorization header says, and whether it is true."""

from typing import Literal

from auth_service.api.bodies import AnyRequest
from auth_service.domain.errors import TokenFault, TokenRejected
from auth_service.domain.model import Caller, Client
from auth_service.domain.tokens import Tokens
from auth_service.languages import wished

HeaderFault = Literal["bearer_parts", "token_alone", "token_spaces", "token_characters"]

_OPAQUE_LENGTH = 40
_AGENT_KEPT = 200
_WISH_READ = 200


class HeaderRejected(Exception):  # noqa: N818 - an answer to the client
    """The Authorization header has the wrong form."""

    def __init__(self, fault: HeaderFault) -> None:
        super().__init__(fault)
        self.fault: HeaderFault = fault


class CredentialsRejected(Exception):  # noqa: N818 - an answer to the client
    """The token in the Authorization header is refused, for the reason given."""

    def __init__(self, reason: TokenFault) -> None:
        super().__init__(reason)
        self.reason: TokenFault = reason


async def read_caller(request: AnyRequest, tokens: Tokens) -> Caller | None:
    """Return who the Authorization header says is calling; None where it says nothing that is ours to read."""
    header = _authorization(request)
    if not header:
        return None
    scheme, *words = header.split()
    try:
        match scheme.lower():
            case b"bearer" | b"jwt":
                if len(words) != 1:
                    raise HeaderRejected("bearer_parts")
                return await _by_bearer(words[0].decode("latin-1"), tokens)
            case b"token":
                return await _by_token(words, tokens)
            case _:
                return None
    except TokenRejected as rejected:
        raise CredentialsRejected(rejected.reason) from None


async def _by_bearer(token: str, tokens: Tokens) -> Caller:
    # Clients do send the token of `token/login/` so; a JWT has dots, and nothing of ours is both.
    if len(token) == _OPAQUE_LENGTH and "." not in token:
        try:
            return await tokens.identify_opaque(token)
        except TokenRejected as rejected:
            if rejected.reason == "opaque_inactive":
                raise TokenRejected("user_inactive") from None
            raise TokenRejected("invalid") from None
    return await tokens.identify(token)


async def _by_token(words: list[bytes], tokens: Tokens) -> Caller:
    if not words:
        raise HeaderRejected("token_alone")
    if len(words) > 1:
        raise HeaderRejected("token_spaces")
    if not words[0].isascii():
        raise HeaderRejected("token_characters")
    return await tokens.identify_opaque(words[0].decode())


def _authorization(request: AnyRequest) -> bytes:
    found = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(found) > 1:
        # Two of them: whoever stands in front of us may have read the other one.
        raise HeaderRejected("bearer_parts")
    return found[0].strip() if found else b""


def client_of(request: AnyRequest) -> Client:
    """Return where a request comes from, and in which of our languages it wishes to be answered."""
    peer = request.scope.get("client")
    agent = wish = b""
    for name, value in request.scope["headers"]:
        if name == b"user-agent":
            agent = value
        elif name == b"accept-language":
            wish = value
    return Client(
        peer[0] if peer else "",
        agent[:_AGENT_KEPT].decode("latin-1"),
        wished(wish[:_WISH_READ].decode("latin-1")) if wish else "",
    )
