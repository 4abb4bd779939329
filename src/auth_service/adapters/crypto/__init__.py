"""Passwords by argon2-cffi, tokens by PyJWT, links by the standard library; the clock and the chance of the machine."""
