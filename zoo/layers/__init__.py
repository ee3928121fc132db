"""Layers of the zoo."""
