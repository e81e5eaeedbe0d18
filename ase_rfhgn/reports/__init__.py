"""How good a model is: comparisons with labels, errors, figures."""
