"""Telling others of new events: webhooks, Slack, mail, MQTT (docs/alerts.md)."""
