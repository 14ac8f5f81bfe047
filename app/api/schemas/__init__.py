"""What requests hold and what answers show, one file a resource."""
