"""A second opinion about labels: a small fit to one kind of label predicts the others, on frames left out."""
