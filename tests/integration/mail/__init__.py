"""The mail adapters, against real terminals, folders and mail servers."""
