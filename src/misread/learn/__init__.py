"""Learning: recipes, policies, treatments, models, the work of a run. Only here is Keras loaded."""
