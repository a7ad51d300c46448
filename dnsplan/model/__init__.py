"""Values that every room shares; frozen, compared by content, free of I/O."""
