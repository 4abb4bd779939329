"""What the unit tests share."""

import pytest

# Loaded before any test imports them: a contract that is broken then shows its values, as tests do.
pytest.register_assert_rewrite("auth_service.adapters.contracts")
