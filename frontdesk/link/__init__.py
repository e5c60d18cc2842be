"""The link: what bots report of their calls, and what the gateway tells them to do.

models     a batch of reports on the wire
tokens     a token that is good for one call and expires with it
callbacks  what a start request tells the bot of the link
service    makes facts of reports and answers with orders
routes     POST /link/calls/{call_id}/events, GET /link/calls/{call_id}/context
"""
