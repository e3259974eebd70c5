"""One figure a file: a PNG has the name of the file that draws it."""
