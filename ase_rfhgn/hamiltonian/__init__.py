"""Feature Hamiltonians: graphs in, features and their exact gradients out."""
