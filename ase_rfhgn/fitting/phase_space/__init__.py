"""What only fits of Hamiltonians of positions and momenta need."""
