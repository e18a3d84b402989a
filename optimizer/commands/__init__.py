"""The commands, one module for each group: parse, call one library function, render, exit."""
