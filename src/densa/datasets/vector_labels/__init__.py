"""Labels of vector files: polygons, lines and points with a class, drawn on the grid of each image by windows."""
