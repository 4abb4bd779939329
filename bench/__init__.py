"""How fast the service is, beside a bare Litestar app that answers the same shapes and does no work."""
