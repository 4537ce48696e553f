"""Training and recording, run by hand: see each script."""
