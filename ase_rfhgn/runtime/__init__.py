"""What every room may use: threads, progress, time, batches, random streams, atomic writes."""
