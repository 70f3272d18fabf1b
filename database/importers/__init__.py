"""Records of other programs, taken over once: tables, runs of Weights & Biases, old pickles."""
