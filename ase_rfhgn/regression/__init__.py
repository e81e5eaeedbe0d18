"""Linear algebra of a fit: triangular factors, ridge, cross-validation, posterior. Numbers only, no atoms."""
