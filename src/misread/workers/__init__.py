"""Many jobs at the same time: processes of this machine, or a Ray cluster."""
