"""Laws of motion between the frames of a run, as equations of a fit."""
