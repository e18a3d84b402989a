"""Request classes and the node types they may be routed to."""
