"""Benchmarks: each module's `measure()` returns what `build/bench/<name>.json` holds."""
