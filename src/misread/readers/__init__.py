"""Predictions from files, tables, frames and models, and back to files."""
