"""The native dialect: `/api/…`, for everyone who does not come from djoser, and for all that is new."""
