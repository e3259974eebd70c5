"""Simulated studies whose truth is known: how often the judge is wrong."""
