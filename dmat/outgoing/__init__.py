"""Webhooks out: other systems are told what happens here, signed, at least once, and again until they take it.

Belongs here: endpoints that users set up, the outbox that events are written to in the transaction that learns of
them, delivering with retries. Stays out: webhooks that vendors send us (`apps/api/webhooks.py`), the webhook channel
of campaigns and the guard against forbidden addresses (`dmat/connectors/outgoing_webhook.py`).
"""
