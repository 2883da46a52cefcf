# The base comes from the same tag for all platforms. A digest makes the build repeatable:
#   docker build --build-arg NODE_IMAGE=node:24-slim@sha256:… .
# `docker buildx imagetools inspect node:24-slim` shows the digest of the list of all platforms.
ARG NODE_IMAGE=node:24-slim

# Runs on the building machine, for any platform of the image: the result is the same for all of them, because the only native
# module contains the binaries of every platform. So `--platform linux/amd64,linux/arm64` needs no emulator.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY migrations ./migrations
COPY src ./src
RUN npm run build \
  && chmod 755 dist/src/main.js \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && mkdir -p /layout/data /layout/repository /layout/app/bin \
  && ln -s ../dist/src/main.js /layout/app/bin/fixdepot \
  && mv package.json node_modules dist /layout/app/

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="fixdepot" \
      org.opencontainers.image.description="A self-hosted repository server for firmware" \
      org.opencontainers.image.licenses="Apache-2.0"
# Temporary data of a scan of a large repository is written to a disk, and not to /tmp, which is memory.
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/tmp/compile-cache \
    SQLITE_TMPDIR=/data \
    PATH=/app/bin:$PATH \
    FIXDEPOT_HOST=0.0.0.0 \
    FIXDEPOT_DATA_DIR=/data \
    FIXDEPOT_REPOSITORY_DIR=/repository
WORKDIR /app
COPY LICENSE ./
# Owned by root, read-only for the server.
COPY --from=build /layout/app ./
COPY --from=build --chown=1000:1000 /layout/data /data
COPY --from=build --chown=1000:1000 /layout/repository /repository
# The user `node`, by number: Kubernetes needs a number to verify that it is not root.
USER 1000:1000
VOLUME ["/data", "/repository"]
EXPOSE 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "dist/src/main.js", "health"]
# As process 1 it handles SIGTERM, and waits for its own children, the only ones: no init is needed.
# A small semi-space is collected more often, and takes 30 MB less.
CMD ["node", "--max-semi-space-size=2", "dist/src/main.js"]
