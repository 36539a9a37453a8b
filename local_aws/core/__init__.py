"""What every emulated service shares: operations, shapes, state, listings, events and tags."""
