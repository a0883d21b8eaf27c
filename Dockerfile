# One static program and nothing else; role by arguments or KATYDID_... variables:
#   docker build -t katydid .
#   docker run --rm -p 127.0.0.1:8089:8089 -v "$PWD:/work:ro" katydid -f shop.rhai --web-host 0.0.0.0 --insecure
#   docker run --rm katydid --worker --master-host 10.0.0.5
# With a program that has been built already, by `cargo xtask dist`: --target prebuilt

# For whatever processor this is. Debian's glibc is linked into the program, so that it needs no library at all; since 2.34
# glibc looks names up by itself, in /etc/hosts and by DNS.
FROM docker.io/library/rust:1.90-trixie AS build
# Node.js bundles the page; a C compiler for SQLite, mimalloc and ring is there.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The platform is named although it is this one's: what runs while building (macros) cannot be static.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/root/.npm \
    --mount=type=cache,target=/src/target \
    host="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --bin katydid --target "$host" \
    && mkdir /out && cp "target/$host/release/katydid" /out/katydid

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
