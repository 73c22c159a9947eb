"""Analytics: what was sent, what people did, what it earned; every figure opens down to its rows and people."""
