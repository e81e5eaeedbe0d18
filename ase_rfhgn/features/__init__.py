"""Features of structures and their exact derivatives: what a Hamiltonian is a linear combination of."""
