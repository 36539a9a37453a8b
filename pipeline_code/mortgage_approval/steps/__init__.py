"""The pipeline's steps: a pure function for the work, and a thin main() that reads and writes."""
