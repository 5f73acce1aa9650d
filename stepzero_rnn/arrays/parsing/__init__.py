"""Reads ONNX and HDF5 files in a child process, which writes plain arrays."""
