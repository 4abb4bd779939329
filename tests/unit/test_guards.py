"""House rules that no linter knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import auth_service

_PACKAGE = Path(auth_service.__file__).parent
# `putenv` writes; whoever does has something to hide from those who read settings.
_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
_READERS = {"os", "posix"}


def _readings(tree: ast.AST) -> Iterator[int]:
    """Give the lines that reach for the environment, however the module is called there."""
    modules = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
        if name.name in _READERS
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(module), attribute) if module in modules and attribute in _ENVIRONMENT:
                yield node.lineno
            case ast.ImportFrom(module, names) if module in _READERS:
                yield from (node.lineno for name in names if name.name in {*_ENVIRONMENT, "*"})


def test_only_the_settings_look_at_the_environment() -> None:
    found = {
        str(file.relative_to(_PACKAGE))
        for file in _PACKAGE.rglob("*.py")
        if any(_readings(ast.parse(file.read_text("utf-8"))))
    }
    assert found == {"settings.py"}


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.environ['DEBUG']",
        "import os\nprint(os.getenv('DEBUG'))",
        "import os as system\nsystem.environ.get('DEBUG')",
        "from os import environ",
        "from os import getenv as look\nlook('DEBUG')",
        "def late():\n    import os\n    os.putenv('DEBUG', '1')",
    ],
)
def test_every_way_to_the_environment_is_seen(code: str) -> None:
    assert any(_readings(ast.parse(code)))
    assert not any(_readings(ast.parse("import os\nos.urandom(4)\nfrom os import fsync")))
