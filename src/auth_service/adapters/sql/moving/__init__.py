"""Moving house: everything copied from one database to another, and a backup taken of a file that is in use."""
