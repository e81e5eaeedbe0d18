"""Training: from frames to a model. No other room below `calculators` knows it."""
