"""One run of the pipeline, from order to bytes; knows no HTTP."""
