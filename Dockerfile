# The program in an image. Targets:
#   cpu    server, worker and command line, computing on the processors (docker build --target cpu .)
#   cuda   worker and command line on NVIDIA's GPUs from the A100 on (docker build --target cuda .); its container needs
#          NVIDIA's container toolkit, which brings the driver's libcuda. Not yet run on a GPU.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# A database is not needed here: queries are checked against .sqlx. Said, so that none is installed.
RUN DATABASE_URL=unused make program web && strip target/release/hrm

FROM build AS build-cuda
# The toolkit comes as wheels; python3 is there, its pip and zip program are not.
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip
RUN DATABASE_URL=unused make cuda && strip target/cuda/target/release/hrm \
    && mkdir /cuda && cp --dereference target/cuda/unpacked/nvidia/cu13/lib/lib*.so.* /cuda \
    && rm -f /cuda/libnvblas.so.* /cuda/*.alt.so.*

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

FROM cpu AS cuda
COPY --from=build-cuda /cuda /usr/local/cuda/lib64
COPY --from=build-cuda /src/target/cuda/target/release/hrm /usr/local/bin/hrm
# The program's own list of folders names the one it was built in.
USER root
RUN echo /usr/local/cuda/lib64 > /etc/ld.so.conf.d/cuda.conf && ldconfig
USER hrm
CMD ["worker"]
