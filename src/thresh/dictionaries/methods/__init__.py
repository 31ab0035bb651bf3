"""Methods of dictionary learning, one file each."""
