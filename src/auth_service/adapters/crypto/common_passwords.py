"""The passwords that everybody tries first; `LICENSES/README.txt` says where the list comes from."""

import gzip
from functools import cache
from pathlib import Path


@cache
def load_common_passwords() -> frozenset[str]:
    """Return the list, in lower case; read once."""
    packed = Path(__file__).with_name("common-passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n")) - {""}
