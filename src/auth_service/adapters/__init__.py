"""What the ports of the domain are in this installation, a room per technology; they do not know each other."""
