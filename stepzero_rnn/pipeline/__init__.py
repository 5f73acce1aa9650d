"""One run of the pipeline, from a job to bytes; knows no HTTP.  Read `factory` first."""
