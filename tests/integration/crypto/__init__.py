"""Secrets: the adapters that hash, sign and draw lots."""
