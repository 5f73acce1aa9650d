"""Reports: what was measured of a start, or of several, as pictures, pages and one HTML file.

What is requested and what it takes needs neither torch nor matplotlib; `measuring.py` needs the
former, everything that draws the latter.
"""
