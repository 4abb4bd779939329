"""What `{{…}}` in an exchange stands for: values saved earlier, padding, tokens tampered with or made elsewhere."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")


class MissingValue(LookupError):  # noqa: N818 - not an error of the tests: an earlier answer lacked it
    """No earlier answer gave this value."""


def fill(value: Any, values: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON in, the same JSON filled out
    """Put values in the place of placeholders, at every depth. A text that is nothing else keeps its value's type."""
    if isinstance(value, dict):
        return {fill(key, values): fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    if not isinstance(value, str):
        return value
    if whole := _PLACEHOLDER.fullmatch(value):
        return _value_of(whole[1], values)
    return _PLACEHOLDER.sub(lambda found: str(_value_of(found[1], values)), value)


def _value_of(expression: str, values: Mapping[str, object]) -> object:
    name, _, change = expression.partition("|")
    kind, _, rest = name.partition(":")
    if kind == "fill":  # so many letters that, with the tag, the whole is this long
        return "a" * (int(rest) - len(str(values["tag"])))
    if kind == "mint":
        return _minted(rest, values)
    if name not in values:
        raise MissingValue(name)
    return _CHANGES[change](str(values[name])) if change else values[name]


def _minted(recipe: str, values: Mapping[str, object]) -> str:
    """Sign claims with SECRET_KEY, as others would. `+9` is in nine seconds, `$x` a value as text, `$#x` as it is."""
    claims: dict[str, object] = {}
    for item in recipe.split(";"):
        claim, _, value = item.partition("=")
        if value.startswith("$#"):
            claims[claim] = values[value[2:]]
        elif value.startswith("$"):
            claims[claim] = str(values[value[1:]])
        else:
            claims[claim] = int(time.time()) + int(value) if re.fullmatch(r"[+-]\d+", value) else value
    algorithm = str(claims.pop("alg", "HS256"))
    signed = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims)}"
    # By hand: PyJWT warns of a key that is short for HS512, and that token is to be refused for its algorithm alone.
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
    return f"{signed}.{_base64(hmac.digest(str(values['secret']).encode(), signed.encode(), digest))}"


def _flipped(text: str, at: int) -> str:
    return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]


def _tampered(token: str) -> str:
    """Change the signature in its middle: its last character may hold bits that do not count."""
    return _flipped(token, (token.rindex(".") + len(token)) // 2)


def _for_somebody_else(token: str) -> str:
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{head}.{_part({**claims, 'user_id': str(int(claims['user_id']) + 1)})}.{signature}"


def _unsigned(token: str) -> str:
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


_CHANGES: Mapping[str, Callable[[str], str]] = {
    "text": str,
    "tamper": _tampered,
    "otheruser": _for_somebody_else,
    "algnone": _unsigned,
    "nosig": lambda token: token.rpartition(".")[0],
    "flip": lambda token: _flipped(token, -1 % len(token)),
}


def _part(content: Mapping[str, object]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
