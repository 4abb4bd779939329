"""What the libraries cost alone, with no service around them: the floor under a hash, and under a token never seen."""

import sys
import time
from collections.abc import Callable

import jwt
from argon2.low_level import Type, hash_secret, verify_secret
from cryptography.hazmat.primitives.asymmetric import ec


def microseconds_of(work: Callable[[], object], seconds: float) -> float:
    """CPU of one call, over as many as fit the time."""
    work()
    calls = 0
    began = time.process_time()
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        work()
        calls += 1
    return (time.process_time() - began) / calls * 1e6


def calls_per_second(work: Callable[[], object], seconds: float) -> float:
    """Rate of one call after another."""
    work()
    calls = 0
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        work()
        calls += 1
    return calls / passed


def argon2(time_cost: int, memory_kib: int, parallelism: int) -> Callable[[], object]:
    """One password compared with its hash."""
    password = b"correct horse battery 9"
    kept = hash_secret(
        password, b"0123456789abcdef", time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism,
        hash_len=32, type=Type.ID,
    )  # fmt: skip
    return lambda: verify_secret(kept, password, Type.ID)


def es256() -> Callable[[], object]:
    """One token verified by PyJWT, its key object ready."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    now = int(time.time())
    claims = {
        "token_type": "access", "exp": now + 900, "iat": now, "jti": "0" * 32, "user_id": "1000", "sid": "0" * 32,
    }  # fmt: skip
    token = jwt.encode(claims, private, algorithm="ES256", headers={"kid": "0123456789abcdef"})
    return lambda: jwt.decode(token, public, algorithms=["ES256"])


def main() -> None:
    """Print one figure: `es256 SECONDS`, `argon2-cost SECONDS T M P`, or `argon2-rate SECONDS T M P`."""
    what, seconds, *cost = sys.argv[1:]
    if what == "es256":
        figure = microseconds_of(es256(), float(seconds))
    elif what == "argon2-cost":
        figure = microseconds_of(argon2(*map(int, cost)), float(seconds))
    else:
        figure = calls_per_second(argon2(*map(int, cost)), float(seconds))
    sys.stdout.write(f"{figure}\n")


if __name__ == "__main__":
    main()
