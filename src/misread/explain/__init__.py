"""Maps of a margin, edits of images, and the changes of both that are more than noise."""
