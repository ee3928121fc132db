"""Committees and how to judge them."""
