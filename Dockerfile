FROM node:24-slim

ENV NODE_ENV=production \
    FIXDEPOT_HOST=0.0.0.0 \
    FIXDEPOT_DATA_DIR=/data \
    FIXDEPOT_REPOSITORY_DIR=/repository

WORKDIR /app
COPY package.json package-lock.json ./
# Nothing has to be built: the one native module brings its binaries along.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY migrations ./migrations
COPY src ./src

RUN mkdir /data /repository && chown node:node /data /repository
USER node
VOLUME ["/data", "/repository"]
EXPOSE 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "require(process.env.FIXDEPOT_TLS === 'off' ? 'http' : 'https').get({ port: process.env.FIXDEPOT_PORT ?? 8443, path: '/health/ready', rejectUnauthorized: false }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# A small nursery for young objects: it is collected more often, and takes 30 MB less.
CMD ["node", "--max-semi-space-size=2", "src/main.ts"]
