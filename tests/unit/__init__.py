"""Tests without a network, a database or a web stack."""
