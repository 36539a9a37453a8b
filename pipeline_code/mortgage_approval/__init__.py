"""Decides on mortgages by the probability that a lender of 1990 would have denied them."""
