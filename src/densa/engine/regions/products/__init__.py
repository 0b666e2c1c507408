"""The files of a segmentation."""
