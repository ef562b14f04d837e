# Two images: `docker build --target api .` and `docker build --target worker .`; for a release, `make
# images` names the base by its digest, and says in the labels what was built from what.

ARG PYTHON_IMAGE=python:3.13-slim
# 1 adds the provider demo to the image of the worker, to try the service out; a release has none.
ARG DEMO=0

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY requirements.lock .
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir \
        --require-hashes --only-binary :all: --requirement requirements.lock
COPY . .
# The root file system is read-only: what is not compiled here would be compiled at every start.
RUN python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${PYTHON_IMAGE} AS service
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app/schemas schemas
COPY --from=build /app/shared shared
USER 10001:10001
ARG VERSION=
ARG REVISION=
ARG PYTHON_IMAGE
LABEL org.opencontainers.image.title="Generation requests" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"

# It also brings the schema up to date, as `python -m migrations`, and makes the topics.
FROM service AS api
COPY --from=build /app/migrations migrations
COPY --from=build /app/api_service api_service
ENV API_HOST=0.0.0.0 ADMIN_HOST=0.0.0.0
EXPOSE 8000
ENTRYPOINT ["python", "-m", "api_service"]

FROM service AS worker-demo-0
COPY --from=build /app/worker_service worker_service

FROM worker-demo-0 AS worker-demo-1
COPY --from=build /app/demo_provider demo_provider

FROM worker-demo-${DEMO} AS worker
ENV WORKER_HEALTH_HOST=0.0.0.0
EXPOSE 8001
ENTRYPOINT ["python", "-m", "worker_service"]
