"""What models of rows with declared fields share: reading, encoding, answering, training's arithmetic, and the gate."""
