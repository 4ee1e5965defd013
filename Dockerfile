# Two stages: the binary is built where there is a compiler, and runs where there is nothing but it.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
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
