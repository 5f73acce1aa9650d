"""One run of the pipeline, from job to bytes; knows no HTTP.  Read `factory` first."""
