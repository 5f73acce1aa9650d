"""Several starts of one network, measured side by side: compared, or ranked to recommend some.

What is asked and what comes of it needs no torch; `measuring.py` does.
"""
