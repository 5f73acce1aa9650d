"""`python -m stepzero_rnn` is the command line."""

from stepzero_rnn.cli import main

main()
