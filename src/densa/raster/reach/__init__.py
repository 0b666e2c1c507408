"""What image files may refer to: files of their own folder, and nothing on the network unless the user allows it."""
