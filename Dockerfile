# The executable is built where npm is, and runs where nothing else is.
FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY cmd/dev/install.mjs cmd/dev/install.mjs
RUN node cmd/dev/install.mjs
COPY . .
# Node links libatomic, which the final image does not have.
RUN npm run build && mkdir -p /out/lib && cp dist/sluice /out/sluice \
 && cp -L "$(ldconfig -p | awk '/libatomic\.so\.1/ { print $NF; exit }')" /out/lib/libatomic.so.1

# libc, libstdc++, a CA bundle and a non-root user; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/lib/libatomic.so.1 /usr/lib/libatomic.so.1
COPY --from=build /out/sluice /sluice
COPY configs/container.yaml /etc/sluice/collector.yaml
USER nonroot
EXPOSE 4317 4318 8888 13133
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/sluice", "healthcheck"]
ENTRYPOINT ["/sluice"]
CMD ["run", "--config", "/etc/sluice/collector.yaml"]
