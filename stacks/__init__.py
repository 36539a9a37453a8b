"""What is deployed together. Each stack composes constructs, wires their grants and names its outputs."""
