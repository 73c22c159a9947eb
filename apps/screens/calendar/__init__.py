"""The calendar of campaigns: month, week and list."""
