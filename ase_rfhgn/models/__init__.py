"""Fitted models: immutable, saved and loaded bit by bit, independent of training."""
