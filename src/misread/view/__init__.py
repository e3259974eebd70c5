"""A page, live on this machine: draw a digit, drop a photo, flag an image."""
