"""Health: sources, runs, refused rows, the queue, the processes and the versions of everything."""
