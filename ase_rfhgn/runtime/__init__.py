"""Tools for every room: threads, progress, time, batches, random streams, atomic writes."""
