"""Tests with real parts: databases, processes, mail servers."""
