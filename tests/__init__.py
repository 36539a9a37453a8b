"""Makes `tests.…` this folder: some distributions install a package of that name."""
