"""The measurements of diagnostics, in torch.  Read `diagnose.py` first."""
