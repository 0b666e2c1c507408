"""The watershed by flooding and by spanning forest."""
