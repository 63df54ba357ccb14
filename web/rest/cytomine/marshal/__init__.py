"""Rows as the objects of Cytomine's JSON, one noun per file; nothing here asks the store."""
