# The program in an image. Targets:
#   cpu   server, worker and command line, computing on the processors (docker build --target cpu .)
# There is no target for GPUs, because the program has no kernels for them yet: a worker names the GPUs of its host and
# computes on its processors.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# A database is not needed here: queries are checked against .sqlx. Said, so that none is installed.
RUN DATABASE_URL=unused make program web && strip target/release/hrm

FROM debian:bookworm-slim AS cpu
# curl asks the server how it is, for the health checks of docker-compose.yml.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/hrm hrm
COPY --from=build /src/target/release/hrm /usr/local/bin/hrm
COPY --from=build /src/web/dist /usr/share/hrm/web
ENV HRM_WEB_DIR=/usr/share/hrm/web
USER hrm
WORKDIR /var/lib/hrm
EXPOSE 8080
# At SIGTERM the server ends its streams and the worker saves its run.
ENTRYPOINT ["hrm"]
CMD ["serve"]
