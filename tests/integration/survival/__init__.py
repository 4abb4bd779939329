"""The service under what happens to services: killed, raced, stopped, without its database, without room."""
