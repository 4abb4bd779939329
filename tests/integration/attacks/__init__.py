"""Attacks on a service as it is served: each is what somebody would try, and fails."""
