"""misread: trials for classifier fixes."""

__version__ = "0.1.0"
