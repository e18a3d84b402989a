"""Start the `gpumix` command from a checkout; the wheel installs the command and not this file."""

from optimizer.commands.main import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
