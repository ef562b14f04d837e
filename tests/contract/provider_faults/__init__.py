"""What servers do that no mock does, by the kind of the fault."""
