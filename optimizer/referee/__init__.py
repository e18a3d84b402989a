"""Other tools' problem instances, solved exactly by the same path as a user's problem."""
