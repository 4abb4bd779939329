"""What the domain needs of the world, a file per subject. Adapters implement these; contract suites hold them to it."""
