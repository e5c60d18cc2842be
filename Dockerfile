# Two images from one file:
#   docker build --platform linux/arm64 -t frontdesk-bot .       the bot, for Pipecat Cloud (the last stage is the default)
#   docker build --target gateway -t frontdesk-gateway .         the gateway, for your own servers
ARG PIPECAT_BASE=0.1.27-py3.12
ARG PYTHON=3.12-slim

FROM python:${PYTHON} AS gateway
WORKDIR /srv/frontdesk
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY requirements-gateway.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-gateway.lock
COPY server.py server_utils.py ./
COPY frontdesk/*.py frontdesk/
COPY frontdesk/errors frontdesk/errors
COPY frontdesk/settings frontdesk/settings
COPY frontdesk/storage frontdesk/storage
COPY frontdesk/migrations frontdesk/migrations
COPY frontdesk/calls frontdesk/calls
COPY frontdesk/crm frontdesk/crm
COPY frontdesk/keys frontdesk/keys
COPY frontdesk/link frontdesk/link
COPY frontdesk/retention frontdesk/retention
COPY frontdesk/doors frontdesk/doors
COPY frontdesk/health frontdesk/health
COPY frontdesk/launch frontdesk/launch
COPY frontdesk/daily frontdesk/daily
COPY frontdesk/dialin frontdesk/dialin
COPY frontdesk/dialout frontdesk/dialout
COPY frontdesk/engine frontdesk/engine
COPY frontdesk/gate frontdesk/gate
COPY frontdesk/patients frontdesk/patients
COPY frontdesk/campaigns frontdesk/campaigns
COPY clinics clinics
RUN useradd --system --uid 10001 frontdesk && install -d -o frontdesk -m 0700 /var/lib/frontdesk
USER frontdesk
# The books and the spool: a volume, so that a new container goes on with the calls of the old one.
VOLUME /var/lib/frontdesk
ENV ENV=production HOST=0.0.0.0 PORT=8080
ENV DATABASE_URL=sqlite:////var/lib/frontdesk/frontdesk.db SPOOL_DIR=/var/lib/frontdesk/spool
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
CMD ["python", "server.py"]

# The base image owns /app and starts bot() itself: no CMD, and nothing of ours may carry the name of one of its files.
FROM dailyco/pipecat-base:${PIPECAT_BASE} AS bot
COPY requirements-bot.lock ./
RUN uv pip install --python /app/.venv/bin/python --require-hashes -r requirements-bot.lock
COPY bot.py ./
COPY frontdesk/*.py frontdesk/
COPY frontdesk/errors frontdesk/errors
COPY frontdesk/settings frontdesk/settings
COPY frontdesk/agent frontdesk/agent
COPY clinics clinics
