"""Datasets: where images come from, and the parts they are dealt into."""
