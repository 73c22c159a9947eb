"""Doors for machines: webhooks, forms, links in messages, sign-in, and the little JSON that others ask for.

Belongs here: reading requests, answering quickly, writing to the store. Stays out: rules (all in `dmat`), screens
(`apps`), the warehouse. It is a process of its own because it must answer in milliseconds while a page is being built.
"""
