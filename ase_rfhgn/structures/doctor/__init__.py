"""The data doctor: what looks wrong about labelled frames, named before anything is fitted."""
