"""Other tools' problem instances, solved exactly: `gpumix referee`. No part of the wheel; installed from a checkout."""
