# The commands and the examples. Your own image is `FROM` it, with your package of projectors added.
FROM docker.io/library/python:3.13-slim AS build
WORKDIR /build
RUN python3 -m venv /tools && python3 -m venv --without-pip /venv
# What the lock names, by hash, before the sources: a change of them installs nothing anew.
COPY requirements-image.lock requirements-build.lock ./
RUN /tools/bin/python -m pip install --no-cache-dir --no-compile --require-hashes -r requirements-build.lock && \
    /tools/bin/python -m pip --python /venv install --no-cache-dir --no-compile --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY consumer consumer
COPY projectors projectors
# From here on nothing is fetched: what builds the wheel is in the lock too.
RUN /tools/bin/python -m pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheels . && \
    /tools/bin/python -m pip --python /venv install --no-cache-dir --no-compile --no-index --no-deps /wheels/*.whl

FROM docker.io/library/python:3.13-slim
COPY --from=build /venv /venv
WORKDIR /app
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PROJECTIONS_CONFIG=/etc/projections/projections.yaml
EXPOSE 9464
# No shell in between: the worker is process 1 and handles SIGTERM itself.
ENTRYPOINT ["projections"]
# `make image` tells them. Last, because they differ from commit to commit.
ARG VERSION REVISION SOURCE CREATED
LABEL org.opencontainers.image.title="projection-consumer" \
      org.opencontainers.image.description="Workers that turn Kafka topics and Redis Streams into read models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.created=$CREATED
