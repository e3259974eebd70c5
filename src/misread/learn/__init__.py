"""Learning: operations, policies, models, one run, many runs. Keras lives here only."""
