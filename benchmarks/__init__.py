"""Speed and memory, measured side by side and written down; nothing here is a test."""
