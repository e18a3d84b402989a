"""From a few answers in the user's words to a commented problem file."""
