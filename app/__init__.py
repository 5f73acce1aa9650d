"""The service: FastAPI around the library `stepzero_rnn`, which does not import it."""
