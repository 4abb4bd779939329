"""What all tests share."""

import pytest

# The contracts are shipped outside of the tests; their assertions should tell as much as the tests' own.
pytest.register_assert_rewrite("auth_service.adapters.contracts")
