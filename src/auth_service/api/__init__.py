"""How requests become calls of the core, and what it says becomes answers: two dialects, one set of use cases."""
