"""`python -m auth_service` is the command line `auth-service`."""

from auth_service.cli import main

if __name__ == "__main__":
    main(prog_name="auth-service")
