"""People: who somebody is, everything that happened between them and us, and what comes next."""
