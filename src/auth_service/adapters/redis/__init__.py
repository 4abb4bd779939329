"""What is kept in Redis or Valkey. It takes the package `redis`, which comes with `auth-service[redis]`."""
