"""What several functions need. It goes into every function's package beside its own modules, as `shared`."""
