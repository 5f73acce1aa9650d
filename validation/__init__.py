"""Whether diagnostics predict training: small networks are trained, and the figures compared.

`python -m validation` trains, measures and reports; `make validate` runs it.  Read `groups.py` for
what is trained, and `judge.py` for how the figures are judged.
"""
