"""What is known before a fit, and added to what is learned."""
