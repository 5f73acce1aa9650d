"""Where work runs: devices, and their proof that they draw the same bits."""
