"""Shapes: as drawn, as footprints, as text, as pixels. Pure functions over shapely, no I/O.

`drawn` holds the shape as drawn, `footprint` what follows from it, `stored` how both are kept;
`incoming`, `text`, `geojson`, `points` and `slits` are the written forms; `outlines`, `raster` and
`bits` the way from and to pixels; `measures` the physical units; `valid` checks and repairs.
"""
