# One image for every role: `up` (the default), `serve`, `worker`, `migrate` and the rest of the command line.
#
#   docker build -t aetherflow:local .
#   docker run -p 127.0.0.1:8400:8400 -v aetherflow:/var/lib/aetherflow aetherflow:local

FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/aetherflow
ENV PATH=/opt/aetherflow/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# The locked dependencies first: they change less often than the code.
COPY requirements/run.txt requirements/
RUN pip install --require-hashes -r requirements/run.txt
COPY README.md LICENSE pyproject.toml ./
COPY clients/python clients/python
COPY alembic alembic
COPY app app
COPY delivery delivery
RUN pip install --no-deps --no-build-isolation ./clients/python .

FROM python:3.11-slim
# With a fixed number, so that the owner of a mounted folder can be named.
RUN useradd --uid 8400 --home-dir /var/lib/aetherflow --create-home aetherflow
COPY --from=build /opt/aetherflow /opt/aetherflow
ENV PATH=/opt/aetherflow/bin:$PATH AETHERFLOW_HOST=0.0.0.0 AETHERFLOW_LOG_FORMAT=json
USER aetherflow
# The data folder of `up` is `.aetherflow` below.
WORKDIR /var/lib/aetherflow
VOLUME /var/lib/aetherflow
EXPOSE 8400
ENTRYPOINT ["aetherflow"]
CMD ["up"]
