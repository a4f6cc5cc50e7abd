# A node in one image: built in the first stage, run by nobody with a read-only root in the second.
#   docker build -t meridian .
#   docker run --read-only --network host -v /etc/meridian:/etc/meridian:ro -v meridian-data:/var/lib/meridian meridian
# The build's steps are those of ./dev on a bare Debian 12, which CI tries without a container engine.
FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN ./dev build && strip build/release/meridian

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libboost-json1.81.0 libboost-url1.81.0 libssl3 libsrtp2-1 libipsec-mb1 \
      libusrsctp2 libspdlog1.10 libfmt9 libprotobuf32 libyaml-cpp0.7 libsqlite3-0 libprometheus-cpp-core1.0 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/meridian --create-home --shell /usr/sbin/nologin meridian
COPY --from=build /src/build/release/meridian /usr/bin/meridian
COPY --from=build /src/web/dist /usr/share/meridian/web
COPY config/production.example.yaml /usr/share/meridian/config.example.yaml
USER 10001:10001
VOLUME /var/lib/meridian
# Signalling and page, metrics, media.
EXPOSE 443/tcp 9464/tcp 7882/udp
# Liveness is GET /healthz, readiness GET /readyz, both on the signalling listener.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/meridian"]
CMD ["serve", "--config", "/etc/meridian/config.yaml", "--data-dir", "/var/lib/meridian"]
