# The host as an image. `docker build -t magflock .`, then .deploy/three-hosts/compose.yaml, or alone:
#   docker run -p 7070:7070 -v magflock:/var/lib/magflock magflock
FROM node:24-bookworm-slim
WORKDIR /opt/magflock

COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

COPY . .
# The packages that come with the host are signed here, by a key that is thrown away with this step: whoever has the
# image can start what it brings, and sign nothing.
RUN node host/build/build.ts && rm .build/keys/magflock.key && chmod 755 .build/keys

ENV MAG_HOST=0.0.0.0 MAG_DATA_DIR=/var/lib/magflock
VOLUME /var/lib/magflock
EXPOSE 7070
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s --interval=10s CMD ["node", "-e", "fetch('http://127.0.0.1:7070/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# As root, so that every cell gets an account of its own (docs/guide/operator.md, "The walls around extensions"). With
# a user it runs too, with one wall less: `docker run --user 1000` and a volume that this user may write.
CMD ["node", "host/main.ts"]
