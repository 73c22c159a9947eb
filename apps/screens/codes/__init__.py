"""Discount codes and the parameters of links: what several campaigns share."""
