"""The service: FastAPI around the library `stepzero_rnn`, which imports nothing of it."""
