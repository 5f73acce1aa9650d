# Step Zero as a container:
#
#   docker build --tag stepzero .                            for CPUs
#   docker build --tag stepzero --build-arg VARIANT=cuda .   for NVIDIA GPUs; several GB larger
#   docker run --rm --publish 127.0.0.1:8000:8000 stepzero
#
# Where others can reach it, give it keys instead: docs/security.md.
#
# Behind a mirror, name it: --build-arg PIP_INDEX_URL=…  A base image that cannot change under its name is given by its
# digest: --build-arg BASE=python:3.11-slim@sha256:…

ARG BASE=python:3.11-slim

FROM ${BASE} AS builder
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG VARIANT=cpu
ENV VIRTUAL_ENV=/opt/stepzero/venv
ENV PATH=$VIRTUAL_ENV/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv "$VIRTUAL_ENV"
WORKDIR /build
COPY requirements.lock requirements-torch.lock ./
# What a plain `pip install torch` gives on Linux is a CUDA build.  The CPU build has a version of its own, `+cpu`; pip
# finds it where an index or a folder of such builds is configured, and elsewhere uv knows where PyTorch keeps them.
# Headers and tests of torch, an eighth of the image, serve nobody here.
RUN set -eu; \
    torch=$(grep '^torch==' requirements-torch.lock); \
    case "$VARIANT" in \
      cpu) pip install --no-deps "$torch+cpu" || { \
             pip install uv==0.13.9; \
             uv pip install --no-cache --no-deps --torch-backend cpu "$torch"; \
             pip uninstall --yes uv; \
           } ;; \
      cuda) ;; \
      *) echo "VARIANT is cpu or cuda, not $VARIANT" >&2; exit 1 ;; \
    esac; \
    pip install --require-hashes --requirement requirements.lock; \
    pip install --requirement requirements-torch.lock; \
    rm -rf "$VIRTUAL_ENV"/lib/python3.*/site-packages/torch/include "$VIRTUAL_ENV"/lib/python3.*/site-packages/torch/test
COPY pyproject.toml README.md LICENSE ./
COPY stepzero_rnn stepzero_rnn
RUN pip install --no-deps --no-build-isolation .

FROM ${BASE}
ARG VARIANT=cpu
# triton compiles its launcher with the C compiler of the machine that it runs on.
RUN if [ "$VARIANT" = cuda ]; then \
      apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*; \
    fi
RUN useradd --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin stepzero \
 && install -d -o stepzero -g stepzero /opt/stepzero/kernels /var/lib/stepzero/arrays
COPY --from=builder /opt/stepzero/venv /opt/stepzero/venv
COPY app /opt/stepzero/app
COPY docker/entrypoint.sh /opt/stepzero/entrypoint.sh
WORKDIR /opt/stepzero
ENV PATH=/opt/stepzero/venv/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=/opt/stepzero/kernels \
    STEPZERO_ARRAYS_FOLDER=/var/lib/stepzero/arrays
# All addresses of a container are its own: who reaches it is decided where its port is published.  Keys, where given, count all the same.
ENV STEPZERO_ALLOW_ANONYMOUS=true
# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
# Kernels are compiled for the CPU at hand: on another model the service compiles its own at the first start.
RUN stepzero warm
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz/ready', timeout=4)"]
ENTRYPOINT ["/opt/stepzero/entrypoint.sh"]
CMD ["python3", "-m", "app", "--host", "0.0.0.0", "--port", "8000"]
