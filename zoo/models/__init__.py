"""The zoo's models."""
