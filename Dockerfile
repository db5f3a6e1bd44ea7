# syntax=docker/dockerfile:1
# The program on Debian 12, and nothing to build it with.
#
#   docker build --build-arg BASE=debian:12-slim@sha256:… --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
#
# Give BASE with a digest for what is shipped: then both stages begin from the same bytes. The libraries of the run-time stage
# are named with their versions, so an image is told apart by this file and the digest; a version that Debian has replaced
# ends the build, and is raised here. dpkg's list of packages stays in the image for tools that make an SBOM.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      g++ cmake ninja-build pkg-config mold \
      librdkafka-dev libpqxx-dev libpq-dev nlohmann-json3-dev libsimdjson-dev libspdlog-dev libfmt-dev libssl-dev libcli11-dev \
      libyaml-cpp-dev libjemalloc-dev libcpp-httplib-dev prometheus-cpp-dev libcurl4-openssl-dev zlib1g-dev libsodium-dev \
      libhiredis-dev libbenchmark-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY migrations migrations
COPY schemas/http schemas/http
COPY bench bench
COPY src src
# The preset that is shipped: optimised, hardened, without failpoints.
RUN cmake --preset release -DBUILD_TESTING=OFF \
    && cmake --build build/release --target admitone \
    && strip --strip-unneeded build/release/admitone

FROM ${BASE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates=20250419~deb12u2 \
      libcpp-httplib0.11=0.11.4+ds-1+deb12u1 \
      libcurl4=7.88.1-10+deb12u15 \
      libfmt9=9.1.0+ds1-2 \
      libhiredis0.14=0.14.1-3 \
      libjemalloc2=5.3.0-1 \
      libpq5=15.20-0+deb12u1 \
      libpqxx-6.4=6.4.5-2 \
      libprometheus-cpp-core1.0=1.0.1-1 \
      librdkafka1=2.0.2-1 \
      libsimdjson14=3.0.1-1 \
      libsodium23=1.0.18-1+deb12u1 \
      libspdlog1.10=1:1.10.0+ds-0.4 \
      libssl3=3.0.22-1~deb12u2 \
      libyaml-cpp0.7=0.7.0+dfsg-8+b1 \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 admitone \
    && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin admitone
COPY --from=build /source/build/release/admitone /usr/bin/admitone
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="admitone" \
      org.opencontainers.image.description="Applies ticketing commands from Kafka exactly once" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="debian:12-slim"
# A number, so that Kubernetes sees that it is not root. No HEALTHCHECK: the chart probes over HTTP.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/bin/admitone"]
CMD ["worker"]
