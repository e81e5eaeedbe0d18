"""Fits of Hamiltonians of positions and momenta: settings, preparation, linear model."""
