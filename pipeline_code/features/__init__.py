"""Features of a feature store: groups and their records, what was known at a time, and what is known now."""
