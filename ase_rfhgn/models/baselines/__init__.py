"""Baselines: energies that are known before a fit, and added to the learned energy."""
