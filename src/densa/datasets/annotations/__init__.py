"""Annotations of images: polygons, boxes and run lengths of JSON and text files, drawn by windows."""
