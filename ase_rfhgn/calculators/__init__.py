"""Models as ASE calculators."""
