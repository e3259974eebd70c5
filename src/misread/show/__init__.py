"""Showing: figures, tables and pages from stored evidence; never trains."""
