"""What things are: frozen, strict types without any I/O."""
