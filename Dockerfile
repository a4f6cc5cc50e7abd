# A node in one image: built in the first stage, run by nobody with a read-only root in the second.
#   docker build -t meridian .
#   docker run --read-only --network host -v /etc/meridian:/etc/meridian:ro -v meridian-data:/var/lib/meridian meridian
# Tried without a container engine, in a bare Debian 12: the first stage is `./dev build`; the second stage's packages and
# user, then the program as that user, without capabilities, on a read-only root with one writable folder. ./dev test compares
# the packages with what the program loads.
FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN ./dev build && strip build/release/meridian

FROM debian:12-slim
# Versions are not pinned: Debian 12 only ever changes them for security fixes, and then drops the old ones.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libboost-container1.81.0 libboost-json1.81.0 libssl3 libsrtp2-1 libipsec-mb1 \
      libusrsctp2 libspdlog1.10 libfmt9 libprotobuf32 libyaml-cpp0.7 libsqlite3-0 libprometheus-cpp-core1.0 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --home-dir /var/lib/meridian --create-home --shell /usr/sbin/nologin meridian
COPY --from=build /src/build/release/meridian /usr/bin/meridian
COPY --from=build /src/web/dist /usr/share/meridian/web
COPY config/production.example.yaml /usr/share/meridian/config.example.yaml
USER 10001:10001
VOLUME /var/lib/meridian
# Signalling and page, and one port for each worker's media, as in the example configuration. Metrics stay on loopback.
EXPOSE 443/tcp 7900-7903/udp
# Liveness is GET /healthz, readiness GET /readyz, both on the signalling listener.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/meridian"]
CMD ["serve", "--config", "/etc/meridian/config.yaml", "--data-dir", "/var/lib/meridian"]
