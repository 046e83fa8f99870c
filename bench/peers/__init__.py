"""Servers of the same model as their users would write them."""
