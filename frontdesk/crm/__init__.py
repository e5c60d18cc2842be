"""The CRM hears of every call, and may be asked who is calling.

tables        the outbox and the log of its deliveries
events        what the CRM is told, as JSON
endpoints     where each organization wants to be told
signing       Standard Webhooks
delivery      at least once, in order within a call, one endpoint never delaying another
callers       who is calling? asked beside room creation
routes        the delivery log, and sending again
"""
