"""The service held against what djoser was recorded to answer."""
