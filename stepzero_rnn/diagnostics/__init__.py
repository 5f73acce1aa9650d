"""What a start will do in training: what is asked, what it costs, what the figures mean.

The measurements are in `measuring/`; the rest needs no torch.
"""
