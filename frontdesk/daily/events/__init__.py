"""Daily's own account of our calls: its domain events, kept before they are acknowledged, applied after.

models    an event of one of our rooms, without anything personal
routes    POST /daily-events: signed, always answered 200
inbox     durable before the answer
store     the table `daily_events`
worker    from the inbox into the ledger
"""
