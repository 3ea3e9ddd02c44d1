# The base: sharpening, deliveries, viewing, without PyTorch.
#
#   docker build --tag potato .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" potato fuse PAN MUL sharp.tif

FROM python:3.13-slim-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY native native
COPY src src
RUN python -m venv /opt/potato \
    && /opt/potato/bin/pip install --no-cache-dir --constraint constraints.txt . \
    && /opt/potato/bin/pip uninstall --yes pip \
    && find /opt/potato -name __pycache__ -type d -prune -exec rm -rf {} +

FROM python:3.13-slim-bookworm
# Rasterio's wheels bring GDAL, but look for expat in the system.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libexpat1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 potato
COPY --from=build /opt/potato /opt/potato
ENV PATH=/opt/potato/bin:$PATH
USER 1000
WORKDIR /data
ENTRYPOINT ["potato"]
CMD ["--help"]
