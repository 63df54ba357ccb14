"""Cytomine's HTTP interface, spoken to clients that know no other hub.

Wire formats only: every view asks one service of the hub and writes its rows as such clients expect
them. `urls.ROUTES` holds all addresses.
"""
