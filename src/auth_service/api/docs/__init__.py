"""The documentation that the service gives of itself: a document for machines, a page for people."""
