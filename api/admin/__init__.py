"""Work on the stores, for the commands on this machine."""
