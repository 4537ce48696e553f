"""Networks, checkpoints, and how to find them."""
