# The base comes from the same tag for all platforms. A digest makes the build repeatable:
#   docker build --build-arg NODE_IMAGE=node:24-slim@sha256:… .
# `docker buildx imagetools inspect node:24-slim` tells the digest of the list of all platforms.
ARG NODE_IMAGE=node:24-slim

# Runs on the machine that builds, whatever platform the image is for: what comes out is the same for all of them, since the one
# native module brings the binaries of every platform along. So `--platform linux/amd64,linux/arm64` needs no emulator.
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
# What a scan of a large repository does not hold in memory goes to a disk, and not to a /tmp that is memory too.
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/tmp/compile-cache \
    SQLITE_TMPDIR=/data \
    PATH=/app/bin:$PATH \
    FIXDEPOT_HOST=0.0.0.0 \
    FIXDEPOT_DATA_DIR=/data \
    FIXDEPOT_REPOSITORY_DIR=/repository
WORKDIR /app
COPY LICENSE ./
# Root's, and read only for the server.
COPY --from=build /layout/app ./
COPY --from=build --chown=1000:1000 /layout/data /data
COPY --from=build --chown=1000:1000 /layout/repository /repository
# The user `node`, by number: Kubernetes can tell only from a number that it is not root.
USER 1000:1000
VOLUME ["/data", "/repository"]
EXPOSE 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "dist/src/main.js", "health"]
# As process 1 it ends by SIGTERM with grace, and its only children are its own, which it waits for: no init is needed.
# A small nursery for young objects is collected more often, and takes 30 MB less.
CMD ["node", "--max-semi-space-size=2", "dist/src/main.js"]
