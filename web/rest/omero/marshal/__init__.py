"""Rows as the objects of OMERO's JSON, one noun per file; nothing here asks the store."""
