FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /app drop
WORKDIR /app
COPY --from=build /venv /venv
COPY pyproject.toml ./
COPY domain domain
COPY db db
COPY providers providers
COPY services services
COPY resolvers resolvers
COPY schema schema
COPY routes routes
COPY gateway gateway
COPY sandbox sandbox
# Editable, so that pages, texts and migrations are read where they lie; telemetry asks the installed project's version.
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .
RUN mkdir var && chown drop var
USER drop
ENV PATH=/venv/bin:$PATH HOST=0.0.0.0 PYTHONUNBUFFERED=1
VOLUME /app/var
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/health/ready', timeout=2)"]
CMD ["gateway", "serve"]
