"""Mean shift segmentation."""
