"""auth-service: registers people, confirms their address, signs them in, and looks after their tokens."""
