"""What the service knows and decides, without a web, a database or a library for tokens."""
