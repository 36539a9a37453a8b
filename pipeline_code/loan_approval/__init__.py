"""Decides on loan guarantees by the probability that a loan will be charged off."""
