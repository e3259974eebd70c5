"""What models look at: maps of a margin, edits of images, and what of both is more than noise."""
