# One static program and nothing else; role by arguments or KATYDID_... variables:
#   docker build -t katydid .
#   docker run --rm -p 127.0.0.1:8089:8089 -v "$PWD:/work:ro" katydid -f shop.rhai --web-host 0.0.0.0 --insecure
#   docker run --rm katydid --worker --master-host 10.0.0.5
# With a program that has been built already (static, for this platform): --target prebuilt --build-arg BIN=dist/katydid

# Alpine's Rust builds for musl, on whatever processor this is; so the program needs no library at all.
FROM docker.io/library/rust:1.90-alpine AS build
# C for SQLite, mimalloc and ring; Node.js bundles the page.
RUN apk add --no-cache build-base ca-certificates nodejs npm perl
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/root/.npm \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin katydid \
    && mkdir /out && cp target/release/katydid /out/katydid

FROM scratch AS prebuilt
ARG BIN=dist/katydid
COPY --chmod=0755 ${BIN} /katydid
WORKDIR /work
USER 65532:65532
EXPOSE 8089 5557 8090
ENTRYPOINT ["/katydid"]

FROM scratch AS runtime
# Authorities for https targets; a volume over it brings others. Without it those built in count.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/katydid /katydid
# Where -f and katydid.toml are looked for.
WORKDIR /work
USER 65532:65532
# The page, the door for workers, and what Prometheus asks for.
EXPOSE 8089 5557 8090
# It is process 1: it handles SIGTERM itself, as master and as worker, and has no children to wait for.
ENTRYPOINT ["/katydid"]
