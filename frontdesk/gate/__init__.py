"""May we call? Asked before every dial, and closed unless every rule says yes."""
