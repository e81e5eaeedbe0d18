"""The report: one HTML file about a model, which needs no network and no other file."""
