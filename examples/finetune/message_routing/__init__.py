"""Says which team of a bank a customer's message is for: a small language model, fine-tuned with LoRA."""
