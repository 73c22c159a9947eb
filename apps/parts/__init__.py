"""Parts that every screen is made of: words, icons, macros, charts, and the one component that shows HTML.

Belongs here: how a number, a time, a table, a card or a chart looks. Stays out: what they say (`screens/`).
"""
