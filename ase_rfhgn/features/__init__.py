"""Features of structures and their exact derivatives: a Hamiltonian is linear in them."""
