"""Every port on plain objects: for tests, for trying the domain out, and as the shortest reading of each contract."""
