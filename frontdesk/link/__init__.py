"""The link: what bots report of their calls, and what the gateway tells them to do.

models     a batch of reports on the wire, and a claim
tokens     a token that is good for one call and expires with it
callbacks  what a start request tells the bot of the link
service    makes facts of reports and claims, and answers with orders
routes     POST /link/calls/{call_id}/events and /claim, GET /link/calls/{call_id}/context
"""
