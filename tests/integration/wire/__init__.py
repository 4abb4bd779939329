"""Both wires beyond what was recorded: a real service, real requests, real mail."""
