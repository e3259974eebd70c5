"""A study: arms × seeds of one dataset, its plan, its runs and what they come to."""
