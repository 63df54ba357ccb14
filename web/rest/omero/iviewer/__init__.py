"""What the image viewer of OMERO asks beside the JSON API; other clients save regions by it."""
