"""Home: what came in, what went out, what it earned, and what needs somebody."""
