"""Vector files: GeoPackage, GeoJSON, FlatGeobuf."""
