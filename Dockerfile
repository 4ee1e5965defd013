# Three stages: the console is built where there is npm, the binary where there is a compiler, and it runs where there is nothing
# but it.
FROM node:22-bookworm-slim AS console
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY schema.graphql ../
COPY web .
RUN npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=console /src/web/dist web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/rankedhonor /rankedhonor && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /rankedhonor /usr/local/bin/rankedhonor
COPY --from=build --chown=nonroot:nonroot /data /data
ENV RANKEDHONOR_ADDR=0.0.0.0:8080 RANKEDHONOR_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["rankedhonor", "health"]
ENTRYPOINT ["rankedhonor"]
CMD ["serve"]
