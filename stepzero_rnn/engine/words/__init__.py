"""Random words, rounding, and the compilation of kernels."""
