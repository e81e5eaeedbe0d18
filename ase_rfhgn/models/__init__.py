"""Fitted models: immutable, saved and loaded bit by bit. They know nothing of their training."""
