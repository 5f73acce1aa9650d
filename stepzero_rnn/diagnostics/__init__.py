"""What the weights, states and gradients of a start will do.  Read `diagnose.py` first."""
