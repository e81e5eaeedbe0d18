"""Features of positions and momenta: the networks of RF-HGN and RF-HNN."""
